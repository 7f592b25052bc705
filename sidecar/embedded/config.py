"""The engine's own configuration: config.xml and users.xml with what depends on settings and on the guard's lists."""

from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Final
from xml.sax.saxutils import escape

from sidecar.embedded.guard.names import NAMES
from sidecar.embedded.guard.settings import CLOSED, SCHEMA
from sidecar.embedded.settings import EmbeddedSettings

HERE: Final = Path(__file__).parent
MIB: Final = 1 << 20
# What clickhouse-go, and so Grafana's data source, asks for beyond its own time limit
# (findings/clickhouse-go-deadline-overrides-limit.sh). sidecar/clickhouse-server/users.xml allows the same.
DRIVER_MARGIN_S: Final = 5
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
    _fill("config.xml", folder, users=escape(str(folder / "users.xml")), max_memory=settings.max_memory_mb * MIB)
    bounds = limits_of_reader(settings)
    bounds["max_execution_time"] += DRIVER_MARGIN_S
    _fill(
        "users.xml",
        folder,
        query_memory=settings.query_memory_mb * MIB,
        closed=_fixed((CLOSED | {"format_schema_source"}) - SET_BY_ENGINE),
        schema=_fixed(SCHEMA - {"format_schema_source"}),
        bounds="".join(f"<{name}><min>1</min><max>{value}</max></{name}>" for name, value in bounds.items()),
        engines="".join(f"<query>GRANT TABLE ENGINE ON {name}</query>" for name in sorted(NAMES["engines"])),
        rows="".join(
            f"<{t}><filter>has(currentRoles(), 'everything')</filter></{t}>" for t in sorted(NAMES["hidden_tables"])
        ),
    )
    return folder / "config.xml"


def _fill(name: str, folder: Path, **values: object) -> None:
    (folder / name).write_text(Template((HERE / name).read_text()).substitute(values))


def _fixed(names: Iterable[str]) -> str:
    return "".join(f"<{name}><readonly/></{name}>" for name in sorted(names))


def limits_of_reader(settings: EmbeddedSettings) -> dict[str, int]:
    """What a query of `readonly` may cost unless it sets less."""
    return {
        "max_execution_time": settings.readonly_max_execution_time_s,
        "max_memory_usage": settings.query_memory_mb * MIB,
        "max_result_rows": settings.readonly_max_result_rows,
    }
