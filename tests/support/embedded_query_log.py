"""`python -m tests.support.embedded_query_log`: embedded ClickHouse with `system.query_log`, which the product leaves out.

It tells what each query took: its duration, and the highest of its memory as ClickHouse's own tracker counts it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client

from sidecar.embedded import __main__, config
from sidecar.embedded.settings import EmbeddedSettings

LOG = (
    "<query_log><database>system</database><table>query_log</table><engine>ENGINE = MergeTree ORDER BY event_time</engine>"
    "<flush_interval_milliseconds>500</flush_interval_milliseconds></query_log>"
)
PROGRAM = (sys.executable, "-m", "tests.support.embedded_query_log")
TOOK = """
SELECT query_duration_ms / 1000, memory_usage, exception_code, toFloat64(Settings['max_execution_time']) FROM system.query_log
WHERE type != 'QueryStart' AND startsWith(query, {begin:String}) ORDER BY event_time_microseconds
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What one query took, the error it ended with (0 for none) and the time limit it had."""

    seconds: float
    memory_bytes: int
    error: int
    limit_s: float


def took(client: Client, begin: str) -> list[Query]:
    """The queries that began with these words, in their order."""
    client.command("SYSTEM FLUSH LOGS")
    return [Query(*row) for row in client.query(TOOK, parameters={"begin": begin}).result_rows]


def main() -> int:
    """Run the server with the log in its configuration; the exit code."""
    write = config.write

    def write_with_log(settings: EmbeddedSettings, folder: Path) -> Path:
        main = write(settings, folder)
        main.write_text(main.read_text().replace("</clickhouse>", f"{LOG}\n</clickhouse>"))
        return main

    config.write = write_with_log
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
