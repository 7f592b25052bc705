"""What a statement may name, of what the pinned engine lists. What stands in no list is refused.

The functions are many, so the allowed ones stand in functions.txt: `make embedded-lists` writes there what the engine
lists except REFUSED. A test fails when the engine lists a name that neither knows: then decide where it belongs.
"""

from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("functions.txt")


def words(text: str) -> frozenset[str]:
    """A set of names, written as a text."""
    return frozenset(text.split())


REFUSED: Final[dict[str, frozenset[str]]] = {
    "reads files": words(
        "file naiveBayesClassifier naiveBayesClassifierWithAllProbs naiveBayesClassifierWithProb regionHierarchy regionIn"
        " regionToArea regionToCity regionToContinent regionToCountry regionToDistrict regionToName regionToPopulation"
        " regionToTopContinent getMaxTableNameLengthForDatabase"
    ),
    "evaluates the defaults of columns that are declared in a text": words(
        "structureToCapnProtoSchema structureToProtobufSchema"
    ),
    "calls other servers": words(
        "aiClassify aiEmbed aiExtract aiFilter aiGenerate aiRedact aiSimilarity aiTranslate hasColumnInTable"
        " zookeeperSessionUptime generateSerialID"
    ),
    "needs a dictionary, and there are none": words(
        "dictGet dictGetAll dictGetChildren dictGetDate dictGetDateOrDefault dictGetDateTime dictGetDateTimeOrDefault"
        " dictGetDescendants dictGetFloat32 dictGetFloat32OrDefault dictGetFloat64 dictGetFloat64OrDefault"
        " dictGetHierarchy dictGetIPv4 dictGetIPv4OrDefault dictGetIPv6 dictGetIPv6OrDefault dictGetInt16"
        " dictGetInt16OrDefault dictGetInt32 dictGetInt32OrDefault dictGetInt64 dictGetInt64OrDefault dictGetInt8"
        " dictGetInt8OrDefault dictGetKeys dictGetOrDefault dictGetOrNull dictGetRoot dictGetString"
        " dictGetStringOrDefault dictGetUInt16 dictGetUInt16OrDefault dictGetUInt32 dictGetUInt32OrDefault"
        " dictGetUInt64 dictGetUInt64OrDefault dictGetUInt8 dictGetUInt8OrDefault dictGetUUID dictGetUUIDOrDefault"
        " dictHas dictIsIn"
    ),
    "shows the process, its machine or its configuration": words(
        "addressToLine addressToLineWithInlines addressToSymbol demangle flameGraph tid logTrace buildId serverUUID"
        " showCertificate getMacro getServerPort getServerSetting getOSKernelVersion tcpPort filesystemAvailable"
        " filesystemCapacity filesystemUnreserved hasThreadFuzzer getClientHTTPHeader currentHandler currentRequestURL"
    ),
    "is for tests of the engine": words("aggThrow fuzzQuery"),
    "belongs to what the engine does inside": words(
        "__actionName __applyFilter __bitBoolMaskAnd __bitBoolMaskOr __bitSwapLastTwo __bitWrapperFunc __getScalar"
        " __groupingForCube __groupingForGroupingSets __groupingForRollup __groupingOrdinary __patchPartitionID"
        " __scalarSubqueryResult __toYearCalendarOnly nested transactionID transactionLatestSnapshot"
        " transactionOldestSnapshot"
    ),
}
# What the parser makes of syntax, and the engine lists nowhere.
SYNTAX: Final = words("lambda tuple grouping exists")

TABLE_FUNCTIONS: Final = words(
    "numbers numbers_mt zeros zeros_mt generateSeries generate_series primes SQLStandardValues"
    " values null generateRandom format merge view viewExplain"
)
# Their argument that declares columns, where there is one: (position, fewest arguments that there must be for it).
STRUCTURES: Final = {"values": (0, 2), "null": (0, 1), "generaterandom": (0, 1), "format": (1, 3)}

ENGINES: Final = words(
    "MergeTree ReplacingMergeTree SummingMergeTree AggregatingMergeTree CollapsingMergeTree CoalescingMergeTree"
    " VersionedCollapsingMergeTree Memory Null Log TinyLog StripeLog Set Join Buffer Merge GenerateRandom"
)
DATABASE_ENGINES: Final = words("Atomic Memory")
CODECS: Final = words("CODEC NONE Default LZ4 LZ4HC ZSTD Delta DoubleDelta Gorilla T64 FPC GCD ALP ZXC")
INDICES: Final = words("minmax set bloom_filter ngrambf_v1 tokenbf_v1 sparse_grams text vector_similarity hypothesis")
TOKENIZERS: Final = words("splitByNonAlpha splitByString ngrams sparseGrams array asciiCJK unicodeWord")
STATISTICS: Final = words("tdigest uniq countmin minmax")

FORMATS: Final = words(
    "Arrow ArrowStream Avro BSONEachRow Buffers CSV CSVWithNames CSVWithNamesAndTypes CustomSeparated"
    " CustomSeparatedIgnoreSpaces CustomSeparatedIgnoreSpacesWithNames CustomSeparatedIgnoreSpacesWithNamesAndTypes"
    " CustomSeparatedWithNames CustomSeparatedWithNamesAndTypes Form GeoJSON Hash HiveText JSON JSONAsObject"
    " JSONAsString JSONColumns JSONColumnsWithMetadata JSONCompact JSONCompactColumns JSONCompactEachRow"
    " JSONCompactEachRowWithNames JSONCompactEachRowWithNamesAndTypes JSONCompactEachRowWithProgress"
    " JSONCompactStrings JSONCompactStringsEachRow JSONCompactStringsEachRowWithNames"
    " JSONCompactStringsEachRowWithNamesAndTypes JSONCompactStringsEachRowWithProgress JSONEachRow"
    " JSONEachRowWithProgress JSONL JSONLines JSONObjectEachRow JSONStrings JSONStringsEachRow"
    " JSONStringsEachRowWithProgress LineAsString LineAsStringWithNames LineAsStringWithNamesAndTypes MD Markdown"
    " MsgPack MySQLDump NDJSON Native Npy Null ORC One PNG Parquet ParquetMetadata Pretty PrettyCompact"
    " PrettyCompactMonoBlock PrettyCompactNoEscapes PrettyCompactNoEscapesMonoBlock PrettyJSONEachRow PrettyJSONLines"
    " PrettyMonoBlock PrettyNDJSON PrettyNoEscapes PrettyNoEscapesMonoBlock PrettySpace PrettySpaceMonoBlock"
    " PrettySpaceNoEscapes PrettySpaceNoEscapesMonoBlock Prometheus Protobuf ProtobufList ProtobufSingle Raw RawBLOB"
    " RawWithNames RawWithNamesAndTypes Regexp RowBinary RowBinaryWithDefaults RowBinaryWithNames"
    " RowBinaryWithNamesAndTypes RowBinaryWithNamesAndTypesAndDefaults SQLInsert TSKV TSV TSVRaw TSVRawWithNames"
    " TSVRawWithNamesAndTypes TSVWithNames TSVWithNamesAndTypes TabSeparated TabSeparatedRaw TabSeparatedRawWithNames"
    " TabSeparatedRawWithNamesAndTypes TabSeparatedWithNames TabSeparatedWithNamesAndTypes Template"
    " TemplateIgnoreSpaces Values Vertical XML"
)
# Known, and refused for what each does.
REFUSED_FORMATS: Final[dict[str, str]] = {
    "AvroConfluent": "asks a schema registry",
    "DWARF": "reads executables",
    "Puffin": "reads files of a data lake",
    "PuffinMetadata": "reads files of a data lake",
    "MySQLWire": "is a piece of another protocol",
    "ODBCDriver2": "is a piece of another protocol",
    "PostgreSQLWire": "is a piece of another protocol",
}

READS: Final = words("SelectWithUnionQuery ExplainQuery ShowTablesQuery ShowColumnsQuery ShowIndexesQuery")
WRITES: Final = words(
    "InsertQuery CreateQuery AlterQuery DropQuery RenameQuery OptimizeQuery DeleteQuery UpdateQuery CheckTableQuery"
    " CheckAllTablesQuery UseQuery SetQuery KillQueryQuery SystemQuery CreateSQLFunctionQuery"
)
# Statements that the engine shows no tree of: how each begins when it has formatted it, and a beginning that makes a
# SELECT of the rest, whose tree shows that. What begins with another word is a statement that nobody may run.
WITHOUT_TREE: Final = {
    **dict.fromkeys(("DESCRIBE TABLE ", "EXISTS TABLE ", "EXISTS VIEW ", "EXISTS DATABASE "), "SELECT * FROM "),
    **dict.fromkeys(("SHOW CREATE TABLE ", "SHOW CREATE VIEW ", "SHOW CREATE DATABASE "), "SELECT * FROM "),
    **dict.fromkeys(("EXISTS TEMPORARY TABLE ", "SHOW CREATE TEMPORARY TABLE "), "SELECT * FROM "),
    **dict.fromkeys(("SHOW PROCESSLIST", "SHOW GRANTS", "SHOW ENGINES", "SHOW PRIVILEGES"), "SELECT 1"),
    **dict.fromkeys(("SHOW FUNCTIONS", "SHOW CURRENT ROLES", "SHOW ENABLED ROLES"), "SELECT 1"),
    "SHOW SETTING ": "SELECT ",
}
CHANGES_WITHOUT_TREE: Final = dict.fromkeys(
    ("DROP FUNCTION IF EXISTS ", "DROP FUNCTION ", "UNDROP TABLE "), "SELECT * FROM "
)

ALTERS: Final = words(
    "ADD_COLUMN DROP_COLUMN MODIFY_COLUMN RENAME_COLUMN COMMENT_COLUMN MATERIALIZE_COLUMN MODIFY_ORDER_BY"
    " MODIFY_SAMPLE_BY REMOVE_SAMPLE_BY MODIFY_TTL REMOVE_TTL MATERIALIZE_TTL MODIFY_SETTING RESET_SETTING MODIFY_COMMENT"
    " MODIFY_DATABASE_COMMENT MODIFY_QUERY MODIFY_REFRESH MODIFY_SQL_SECURITY ADD_INDEX DROP_INDEX MATERIALIZE_INDEX"
    " ADD_PROJECTION DROP_PROJECTION MATERIALIZE_PROJECTION MODIFY_PROJECTION ADD_CONSTRAINT DROP_CONSTRAINT"
    " MODIFY_CONSTRAINT ADD_STATISTICS MODIFY_STATISTICS DROP_STATISTICS MATERIALIZE_STATISTICS DELETE UPDATE"
    " DROP_PARTITION DROP_DETACHED_PARTITION ATTACH_PARTITION REPLACE_PARTITION MOVE_PARTITION APPLY_DELETED_MASK"
    " APPLY_PATCHES REWRITE_PARTS"
)
COMMANDS: Final = words(
    "STOP_MERGES START_MERGES STOP_CLEANUP START_CLEANUP STOP_TTL_MERGES START_TTL_MERGES FLUSH_LOGS"
    " FLUSH_ASYNC_INSERT_QUEUE REFRESH_VIEW WAIT_VIEW START_VIEW START_VIEWS STOP_VIEW STOP_VIEWS CANCEL_VIEW"
    " CLEAR_MARK_CACHE CLEAR_PRIMARY_INDEX_CACHE"
    " CLEAR_UNCOMPRESSED_CACHE CLEAR_MMAP_CACHE CLEAR_QUERY_CACHE CLEAR_QUERY_CONDITION_CACHE"
    " CLEAR_COMPILED_EXPRESSION_CACHE CLEAR_TEXT_INDEX_CACHES CLEAR_SCHEMA_CACHE CLEAR_FORMAT_SCHEMA_CACHE"
    " PREWARM_MARK_CACHE PREWARM_PRIMARY_INDEX_CACHE LOAD_PRIMARY_KEY UNLOAD_PRIMARY_KEY WAIT_LOADING_PARTS"
)
EXPLAINS: Final = frozenset({
    "EXPLAIN", "EXPLAIN AST", "EXPLAIN SYNTAX", "EXPLAIN QUERY TREE", "EXPLAIN PIPELINE", "EXPLAIN ESTIMATE",
})  # fmt: skip

# Of the engine's system tables: what tells of data and of the language is for everybody. The rest tells of other people's
# queries, of the process or of its configuration; `readonly` sees no rows of it.
SHOWN_TABLES: Final = words(
    "aggregate_function_combinators codecs collations columns completions constraints contributors current_roles"
    " data_skipping_index_types data_skipping_indices data_type_families database_engines databases detached_parts"
    " documentation enabled_roles events formats functions keywords licenses merge_tree_settings metrics moves numbers"
    " numbers_mt one parts parts_columns primes privileges projection_parts projection_parts_columns projections settings"
    " table_engines table_functions tables time_zones tokenizers unicode view_refreshes zeros zeros_mt"
)
HIDDEN_TABLES: Final = words(
    "asynchronous_inserts asynchronous_loader azure_queue_metadata azure_queue_metadata_cache azure_queue_settings"
    " background_schedule_pool backups build_options certificates clusters dashboards database_replicas detached_tables"
    " dictionaries dictionary_layouts dictionary_sources dimensional_metrics disk_types disks distributed_ddl_queue"
    " distribution_queue dns_cache dropped_tables dropped_tables_parts errors fail_points filesystem_cache"
    " filesystem_cache_settings graphite_retentions grants handlers histogram_metrics hypothetical_indexes"
    " hypothetical_projections iceberg_files iceberg_history jemalloc_arena_bins jemalloc_bins jemalloc_profile_text"
    " jemalloc_sampled_allocations jemalloc_stats kafka_consumers macros masking_policies merges mutations"
    " named_collections part_moves_between_shards processes query_cache query_condition_cache quota_limits quota_usage"
    " quotas quotas_usage remote_data_paths replicas replicated_fetches replicated_merge_tree_settings replication_queue"
    " resources rocksdb role_grants roles row_policies s3_queue_metadata s3_queue_settings s3queue_metadata_cache"
    " scheduler schema_inference_cache server_settings session_query_ids settings_changes settings_profile_elements"
    " settings_profiles stack_trace statements storage_policies symbols user_defined_functions user_directories"
    " user_processes user_query_log users warnings workloads"
)


def functions() -> frozenset[str]:
    """The functions that may be called, aggregates without combinators."""
    lines = LIST.read_text().splitlines()
    return words(" ".join(line for line in lines if not line.startswith("#"))) | SYNTAX
