"""What looking at a statement costs before embedded ClickHouse runs it: new words, the same words again, a migration's view.

    python -m benchmarks.bench_guard

The engine and the guard in this process, one thread, processor time: waiting for others on a busy machine does not count.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import chdb

from benchmarks.report import report
from sidecar.embedded.guard.guard import Guard
from sidecar.embedded.sql import Statement

HEAD = ("statement", "ms of processor time")
VIEW = Path(__file__).resolve().parent.parent / "sidecar" / "plugins" / "clickhouse" / "migrations" / "0002_events.sql"


def cpu_ms(times: int, step: Callable[[int], object]) -> str:
    """Processor time of one step."""
    step(0)
    started = time.process_time()
    for number in range(1, times + 1):
        step(number)
    return f"{(time.process_time() - started) / times * 1000:.2f}"


def main() -> None:
    """Measure and write the section of RESULTS.md."""
    view = VIEW.read_text().split(";\n")[1].replace("${", "x_").replace("}", "")
    with tempfile.TemporaryDirectory() as folder:
        connection = chdb.connect(folder)
        guard = Guard(lambda: chdb.connect(folder))

        def check(sql: str, data_format: str | None = None) -> object:
            return guard.check(Statement(sql, data_format), reader=False)

        rows = [
            ("SELECT, not seen before", cpu_ms(200, lambda i: check(f"SELECT {i} FORMAT Native"))),
            ("the same SELECT again", cpu_ms(200, lambda _: check("SELECT 1 FORMAT Native"))),
            (
                "INSERT with data, not seen before",
                cpu_ms(200, lambda i: check(f"INSERT INTO t{i} FORMAT Native", "Native")),
            ),
            ("the same INSERT again", cpu_ms(200, lambda _: check("INSERT INTO t FORMAT Native", "Native"))),
            (f"CREATE MATERIALIZED VIEW of {len(view)} characters", cpu_ms(50, lambda i: check(f"{view} -- {i}"))),
            ("for comparison: the engine's SELECT 1", cpu_ms(200, lambda _: connection.query("SELECT 1"))),
        ]
        guard.close()
        connection.close()
    notes = "One thread; a statement is looked at once for each user and format, then remembered."
    report("Looking at a statement (embedded ClickHouse)", "python -m benchmarks.bench_guard", HEAD, rows, notes)


if __name__ == "__main__":
    main()
