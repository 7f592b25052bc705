"""Which settings a client may name. A number or a word of a fixed set can't name a file, an address or a piece of SQL; a free
text can. So texts are refused except those judged harmless, and the rest is allowed except what opens a door.

The engine's own constraints hold the refused ones fixed as well (`sidecar/embedded/config.py`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sidecar.embedded.errors import ClickHouseError, Code
from sidecar.embedded.guard.names import words

TEXTS: Final = frozenset({"String", "Map", "URI"})
# Types with a fixed set of values. A type that is in neither set is refused.
FIXED: Final = words(
    "AggregateFunctionInputFormat AlterUpdateMode ArrowCompression ArrowFlightDescriptorType Bool BoolAuto"
    " CapnProtoEnumComparingMode Char DateTimeInputFormat DateTimeOutputFormat DateTimeOverflowBehavior"
    " DecorrelationJoinKind DeduplicateInsertMode DeduplicateInsertSelectMode DistributedCacheLogMode"
    " DistributedCachePoolBehaviourOnLimit DistributedDDLOutputMode DistributedProductMode Double EscapingRule"
    " ExplainQueryPlanDefault FileLikeEngineDefaultPartitionStrategy Float FloatAuto GeoJSONUnsupportedGeometryHandling"
    " GeoToH3ArgumentOrder IcebergMetadataLogLevel IdentifierQuotingRule IdentifierQuotingStyle"
    " InputFormatColumnMatchingCaseSensitivity Int32 Int64 IntervalOutputFormat JemallocProfileFormat JoinAlgorithm"
    " JoinOrderAlgorithm JoinOrderConflictDetector JoinStrictness LightweightDeleteMode LoadBalancing LocalFSReadMethod"
    " LogQueriesType MaxThreads Milliseconds MsgPackUUIDRepresentation MySQLDataTypesSupport NonZeroUInt64"
    " ORCCompression ObjectStorageGranularityLevel OverflowMode OverflowModeGroupBy ParallelReplicasMode"
    " ParquetCompression QueryResultCacheNondeterministicFunctionHandling QueryResultCacheSystemTableHandling S3UriStyle"
    " SchemaInferenceMode Seconds SetOperationMode ShortCircuitFunctionEvaluation SkipUnavailableShardsMode SnappyMode"
    " TextIndexPostingListApplyMode Timezone TotalsMode TransactionsWaitCSNMode UInt64 UInt64Auto"
    " UniqueKeyProbeImplementation UpdateParallelMode VectorSearchFilterStrategy"
)
# Types whose words are doors: another parser, another engine, views with the rights of nobody, logs on standard error.
DOOR_TYPES: Final = words("DefaultTableEngine Dialect LogsLevel SQLSecurityType")

ALLOWED_TEXTS: Final = words(
    "bool_false_representation bool_true_representation column_names_for_schema_inference count_distinct_implementation"
    " errors_output_format exclude_materialize_skip_indexes_on_insert force_data_skipping_indices"
    " force_optimize_projection_name format_csv_null_representation format_custom_field_delimiter"
    " format_custom_result_after_delimiter format_custom_result_before_delimiter format_custom_row_after_delimiter"
    " format_custom_row_before_delimiter format_custom_row_between_delimiter"
    " format_json_object_each_row_column_for_object_name format_regexp format_template_resultset_format"
    " format_template_row_format format_template_rows_between_delimiter format_tsv_null_representation"
    " framing_output_format ignore_data_skipping_indices input_format_mysql_dump_table_name"
    " input_format_orc_reader_time_zone_name insert_deduplication_token log_comment network_compression_method"
    " output_format_avro_codec output_format_avro_string_column_pattern output_format_image_terminal_mode"
    " output_format_orc_writer_time_zone_name output_format_pretty_grid_charset output_format_sql_insert_table_name"
    " preferred_optimize_projection_name query_cache_tag temporary_files_codec"
)
# A schema that comes as a text; `default` needs it to insert Protobuf. A text that imports another is refused.
SCHEMA: Final = words("format_schema format_schema_message_name format_schema_source")
REFUSED_TEXTS: Final = words(
    "additional_result_filter additional_table_filters ai_function_embedding_default_credentials"
    " ai_function_text_default_credentials chdb_client_name cluster_for_parallel_replicas compatibility compression"
    " database default_format default_view_definer distributed_cache_client_id distributed_cache_file_cache_name"
    " distributed_plan_force_exchange_kind filesystem_cache_name filter format format_avro_schema_registry_url"
    " format_template_resultset format_template_row http_response_headers iceberg_metadata_compression_method"
    " implicit_table_at_top_level input_format input_format_record_errors_file_path local_filesystem_read_method"
    " metrics_perf_events_list order output_format output_format_avro_confluent_subject output_format_schema"
    " parallel_replicas_custom_key polyglot_dialect promql_database promql_table remote_filesystem_read_method"
    " rename_files_after_processing s3_base s3_upload_checksum_algorithm s3queue_default_zookeeper_path"
    " schema_inference_hints select send_logs_source_regexp sort stream_like_engine_insert_queue"
    " trace_profile_events_list url_base workload"
)
DOORS: Final = words(
    "ai_function_allow_insecure_endpoint allow_archive_path_syntax allow_database_glue_catalog allow_database_iceberg"
    " allow_database_unity_catalog allow_delta_kernel_rs allow_delta_lake_create_table allow_delta_lake_writes"
    " allow_deprecated_database_ordinary allow_distributed_ddl allow_experimental_database_hms_catalog"
    " allow_experimental_database_materialized_postgresql allow_experimental_database_paimon_rest_catalog"
    " allow_experimental_eval_table_function allow_experimental_kusto_dialect"
    " allow_experimental_paimon_storage_engine allow_experimental_polyglot_dialect allow_experimental_prql_dialect"
    " allow_experimental_ytsaurus_dictionary_source allow_experimental_ytsaurus_table_engine"
    " allow_experimental_ytsaurus_table_function allow_fuzz_query_functions allow_get_client_http_header"
    " allow_insert_into_iceberg allow_introspection_functions allow_named_collection_override_by_default"
    " allow_python_table_function allow_settings_after_format_in_insert allow_unrestricted_reads_from_keeper"
    " allow_url_wildcard_from_index_pages ast_fuzzer_any_query ast_fuzzer_oracle ast_fuzzer_runs default_table_engine"
    " default_temporary_table_engine default_normal_view_sql_security default_materialized_view_sql_security dialect"
    " dynamic_disk_allow_from_env dynamic_disk_allow_from_zk dynamic_disk_allow_include enable_json_ast_dialect"
    " enable_materialized_postgresql_table enable_s3_requests_logging enable_trino_dialect"
    " format_display_secrets_in_show_and_select function_sleep_max_microseconds_per_block implicit_transaction"
    " into_outfile_create_parent_directories jemalloc_collect_profile_samples_in_trace_log jemalloc_enable_profiler"
    " max_ast_depth max_parser_backtracks max_parser_depth max_untracked_memory memory_profiler_sample_probability"
    " memory_profiler_step memory_tracker_fault_probability metrics_perf_events_enabled"
    " opentelemetry_start_trace_probability os_threads_nice_value_materialized_view os_threads_nice_value_query"
    " query_profiler_cpu_time_period_ns query_profiler_real_time_period_ns run_query_in_background"
    " s3_allow_server_credentials_in_user_queries send_logs_level sleep_after_receiving_query_ms sleep_in_send_data_ms"
    " sleep_in_send_tables_status_ms storage_system_stack_trace_pipe_read_timeout_ms trace_profile_events"
)
CLOSED: Final = REFUSED_TEXTS | DOORS

# Of a table: where its parts lie is not a client's business.
TABLE_TEXTS: Final = words(
    "auto_statistics_types columns_to_prewarm_mark_cache default_compression_codec"
    " exclude_materialize_skip_indexes_on_merge marks_compression_codec primary_key_compression_codec"
)
TABLE_DOORS: Final = words(
    "allow_remote_fs_zero_copy_replication disk search_orphaned_parts_disks storage_policy table_disk"
    " sleep_before_commit_local_part_in_replicated_table_ms sleep_before_loading_outdated_parts_ms"
    " fault_probability_after_part_commit fault_probability_before_part_commit"
)
OTHER_TABLES: Final = words("persistent")  # of Set and Join


@dataclass(frozen=True, slots=True)
class SettingNames:
    """The engine's own lists: type by name, name by alias, and the types of a table's settings."""

    types: Mapping[str, str]
    aliases: Mapping[str, str]
    obsolete: frozenset[str]
    of_tables: Mapping[str, str]

    @classmethod
    def read(cls, rows: Iterable[str], of_tables: Iterable[str]) -> "SettingNames":
        """From rows of `name, type, alias_for, is_obsolete` and `name, type`, separated by tabs."""
        types, aliases, obsolete = {}, {}, set()
        for name, kind, alias, is_obsolete in (row.split("\t") for row in rows):
            types[name] = kind
            if alias:
                aliases[name] = alias
            if is_obsolete == "1":
                obsolete.add(name)
        return cls(types, aliases, frozenset(obsolete), dict(row.split("\t") for row in of_tables))

    def check(self, name: str, value: Any, *, reader: bool) -> None:
        """Raise ClickHouseError when a query may not set this."""
        if name not in self.types:
            raise ClickHouseError(Code.UNKNOWN_SETTING, f"Unknown setting '{name}'")
        real = self.aliases.get(name, name)
        if real in SCHEMA and not reader:
            _check_schema(real, value)
        elif real in CLOSED or real in SCHEMA or not self._harmless(real):
            raise ClickHouseError(Code.ACCESS_DENIED, f"The setting {name} is closed: leave it out")

    def _harmless(self, name: str) -> bool:
        kind = self.types[name]
        return name in self.obsolete or kind in FIXED or (kind in TEXTS and name in ALLOWED_TEXTS)

    def check_of_table(self, name: str, value: Any, *, reader: bool) -> None:
        """Raise ClickHouseError when a table may not have this setting."""
        kind = self.of_tables.get(name)
        if kind is None:
            if name not in OTHER_TABLES:
                self.check(name, value, reader=reader)
        elif name in TABLE_DOORS or (kind == "String" and name not in TABLE_TEXTS):
            raise ClickHouseError(Code.ACCESS_DENIED, f"The table setting {name} is closed: leave it out")


def _check_schema(name: str, value: Any) -> None:
    if name == "format_schema_source" and value != "string":
        raise ClickHouseError(Code.ACCESS_DENIED, "format_schema_source can only be 'string': files are closed")
    if name == "format_schema" and "import" in str(value):
        raise ClickHouseError(Code.ACCESS_DENIED, "format_schema can't import: write the types into it")
