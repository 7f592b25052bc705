"""The engine's own configuration: small caches and pools, what its user may do, what a reader may do."""

from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from sidecar.embedded.guard.names import ENGINES, HIDDEN_TABLES
from sidecar.embedded.guard.settings import CLOSED, SCHEMA
from sidecar.embedded.settings import EmbeddedSettings

MIB: Final = 1 << 20
# What clickhouse-go, and so Grafana's data source, asks for beyond its own time limit
# (findings/clickhouse-go-deadline-overrides-limit.sh). sidecar/clickhouse-server/users.xml allows the same.
DRIVER_MARGIN_S: Final = 5
SCHEMA_AS_TEXT: Final = "<format_schema_source>string</format_schema_source>"  # never a file
RESERVE: Final = 64 * MIB  # room on the disk below which nothing is inserted

# A statement is written anew with a bracket for each operator (findings/clickhouse-formatted-query-too-deep.sh): with this
# instead of 1000, max_ast_depth is what ends an expression, as on a server.
PARSER_DEPTH: Final = "<max_parser_depth>3000</max_parser_depth>"

# What the roles may do. Nothing that reaches a file, another server or a program; what no grant covers is decided on the
# tree of the statement (`sidecar/embedded/guard`).
EVERYTHING: Final = (
    "GRANT CHECK, SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, ALTER DATABASE, CREATE DATABASE, CREATE TABLE,"
    " CREATE VIEW, CREATE TEMPORARY TABLE, CREATE ARBITRARY TEMPORARY TABLE, CREATE FUNCTION, DROP DATABASE, DROP TABLE,"
    " DROP VIEW, DROP FUNCTION, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, SYSTEM MERGES, SYSTEM TTL MERGES,"
    " SYSTEM CLEANUP, SYSTEM VIEWS, SYSTEM FLUSH LOGS, SYSTEM FLUSH ASYNC INSERT QUEUE, SYSTEM DROP CACHE,"
    " SYSTEM PREWARM MARK CACHE, SYSTEM PREWARM PRIMARY INDEX CACHE, SYSTEM LOAD PRIMARY KEY, SYSTEM UNLOAD PRIMARY KEY,"
    " SYSTEM WAIT LOADING PARTS ON *.*",
    "REVOKE ALTER FETCH PARTITION, ALTER FREEZE PARTITION, ALTER UNLOCK SNAPSHOT, ALTER EXECUTE,"
    " ALTER DATABASE SETTINGS ON *.*",
    *(f"GRANT TABLE ENGINE ON {name}" for name in sorted(ENGINES)),
)
READING: Final = ("GRANT SELECT, SHOW, CREATE TEMPORARY TABLE ON *.*", "GRANT TABLE ENGINE ON Memory")

# Settings that the engine sets itself, so that a constraint would stop it.
SET_BY_ENGINE: Final = frozenset({"database", "default_format"})

# Settings that every query starts with: on two cores these are faster than the engine's own, and take half the memory.
SMALL_MACHINE: Final = {
    "async_insert": 0,  # the engine's default waits 50 ms for company that one sidecar does not bring
    "storage_file_read_method": "pread",
    "input_format_parallel_parsing": 0,
    "output_format_parallel_formatting": 0,
    "min_insert_block_size_bytes": 64 * MIB,
}


def write(settings: EmbeddedSettings, folder: Path) -> Path:
    """Write config.xml and users.xml into `folder`; give the path that the engine is started with."""
    main, users = folder / "config.xml", folder / "users.xml"
    main.write_text(_main(settings, users))
    users.write_text(_users(settings))
    return main


def _main(settings: EmbeddedSettings, users: Path) -> str:
    values = {
        "users_config": str(users),
        "timezone": "UTC",
        "max_server_memory_usage": settings.max_memory_mb * MIB,
        "mark_cache_size": 16 * MIB,
        "index_mark_cache_size": 8 * MIB,
        "primary_index_cache_size": 16 * MIB,
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "mmap_cache_size": 64,
        "compiled_expression_cache_size": 8 * MIB,
        "background_pool_size": 2,
        "background_merges_mutations_concurrency_ratio": 2,
        "background_common_pool_size": 2,
        "background_schedule_pool_size": 4,
        "background_move_pool_size": 1,
        "background_fetches_pool_size": 1,
        "background_buffer_flush_schedule_pool_size": 1,
        "background_distributed_schedule_pool_size": 1,
        "background_message_broker_schedule_pool_size": 1,
        "max_io_thread_pool_size": 16,
        "max_backups_io_thread_pool_size": 1,
        "tables_loader_foreground_pool_size": 2,
        "tables_loader_background_pool_size": 1,
    }
    lines = "\n".join(f"  <{name}>{escape(str(value))}</{name}>" for name, value in values.items())
    merge_tree = (
        "  <merge_tree>"
        "<number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>"
        "<number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>"
        "<number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1"
        "</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>"
        f"<max_bytes_to_merge_at_max_space_in_pool>{20 * 1024 * MIB}</max_bytes_to_merge_at_max_space_in_pool>"
        # measured: an insert whose disk another program fills at this moment is committed with empty files
        f"<min_free_disk_bytes_to_perform_insert>{RESERVE}</min_free_disk_bytes_to_perform_insert>"
        "</merge_tree>"
    )
    return f"<clickhouse>\n{lines}\n{merge_tree}\n</clickhouse>\n"


def limits_of_reader(settings: EmbeddedSettings) -> dict[str, int]:
    """What a query of `readonly` may cost unless it sets less."""
    return {
        "max_execution_time": settings.readonly_max_execution_time_s,
        "max_memory_usage": settings.query_memory_mb * MIB,
        "max_result_rows": settings.readonly_max_result_rows,
    }


def bounds_of_reader(settings: EmbeddedSettings) -> dict[str, int]:
    """The most that a query of `readonly` may set these limits to."""
    limits = limits_of_reader(settings)
    return limits | {"max_execution_time": limits["max_execution_time"] + DRIVER_MARGIN_S}


def _users(settings: EmbeddedSettings) -> str:
    bounds = "".join(
        f"<{name}><min>1</min><max>{value}</max></{name}>" for name, value in bounds_of_reader(settings).items()
    )
    roles = "".join(
        f"<{role}><grants>{''.join(f'<query>{grant}</query>' for grant in grants)}</grants></{role}>"
        for role, grants in (("everything", EVERYTHING), ("reading", READING))
    )
    closed = "".join(
        f"<{name}><readonly/></{name}>" for name in sorted((CLOSED | {"format_schema_source"}) - SET_BY_ENGINE)
    )
    schema = "".join(f"<{name}><readonly/></{name}>" for name in sorted(SCHEMA - {"format_schema_source"}))
    # The engine lets everybody read its system tables, so rows are withheld: a policy hides all from whom it does not fit.
    rows = "".join(f"<{t}><filter>has(currentRoles(), 'everything')</filter></{t}>" for t in sorted(HIDDEN_TABLES))
    # readonly=0 is spelled out so that a reader can't leave its limits by `SET profile = 'default'`
    return (
        "<clickhouse>\n<profiles>"
        f"<default><readonly>0</readonly><max_memory_usage>{settings.query_memory_mb * MIB}</max_memory_usage>"
        f"{SCHEMA_AS_TEXT}{PARSER_DEPTH}<constraints>{closed}</constraints></default>"
        f"<reader><readonly>2</readonly>{SCHEMA_AS_TEXT}{PARSER_DEPTH}<constraints>{closed}{schema}{bounds}</constraints></reader>"
        "</profiles>\n"
        f"<quotas><default></default></quotas>\n<roles>{roles}</roles>\n"
        "<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>"
        "<quota>default</quota><grants><query>GRANT everything, reading</query></grants>"
        f"<databases><system>{rows}</system></databases></default></users>\n"
        "</clickhouse>\n"
    )
