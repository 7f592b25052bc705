"""How many bytes an event takes on disk after a day: by table and by column, beside the collector's ClickHouse exporter.

    python -m benchmarks.bench_bytes [--events 200000] [--columns 15]

A day of events comes in requests of 200 over OTLP/HTTP, as many inserts; then merges are waited for, and each partition is
merged into one part, as time would. The exporter's table is that of its defaults. Needs `make clients`.
"""

import argparse
import random
import tempfile
from itertools import islice
from pathlib import Path

from clickhouse_connect.driver.client import Client

from benchmarks.bench_drain import arrived, send, settled
from benchmarks.drain_paths import Way, chattrail, exporter
from benchmarks.realistic import events
from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import request

A_REQUEST, SENDERS, PEOPLE, DAY_NS = 200, 4, 2_000, 86_400 * 10**9
WAYS: dict[str, Way] = {"chattrail": chattrail, "exporter": exporter(batched=False, indexes=True)}
# what pages and figures are made of stays; marks are kept for a week, whatever becomes of the events
TABLES = """
SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()
GROUP BY table HAVING sum(bytes_on_disk) > 0 ORDER BY 2 DESC"""
COLUMNS = """
SELECT column, sum(column_data_compressed_bytes + column_marks_bytes) FROM system.parts_columns
WHERE active AND database = currentDatabase() AND table = {table:String} GROUP BY column ORDER BY 2 DESC LIMIT {most:UInt32}"""


def requests(count: int) -> list[bytes]:
    """Return a day's events in requests, in the order of their times."""
    stream = events(random.Random(3), PEOPLE, begin_ns=DAY_NS, step_ns=DAY_NS // count)
    return [request(*islice(stream, A_REQUEST)) for _ in range(count // A_REQUEST)]


def merged(client: Client) -> None:
    """Bring every table to one part a partition."""
    for (table,) in client.query(
        "SELECT DISTINCT table FROM system.parts WHERE active AND database = currentDatabase()"
    ).result_rows:
        client.command(f"OPTIMIZE TABLE `{table}` FINAL")


def measure(name: str, count: int, most: int) -> list[tuple[str, str, str]]:
    """Rows of the table: a table or a column, and its bytes an event."""
    folder = Path(tempfile.mkdtemp())
    sent = requests(count)
    expected = len(sent) * A_REQUEST
    with EmbeddedClickHouse(folder) as clickhouse, WAYS[name](clickhouse, folder) as running:
        send(running.address, sent, SENDERS)
        if (rows := arrived(running, expected)) != expected:
            raise SystemExit(f"{name}: {rows} rows of {expected}")
        settled(running, expected)
        merged(running.client)
        tables = running.client.query(TABLES).result_rows
        found = [(name, "all tables", f"{sum(size for _, size in tables) / expected:.1f}")]
        found += [(name, f"table {table}", f"{size / expected:.2f}") for table, size in tables if size > expected / 20]
        columns = running.client.query(COLUMNS, parameters={"table": running.table, "most": most}).result_rows
        found += [(name, f"{running.table}.{column}", f"{size / expected:.2f}") for column, size in columns]
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=15, help="how many of the largest are named")
    parser.add_argument("--only", choices=WAYS, help="one of the ways")
    given = parser.parse_args()
    rows = []
    for name in WAYS:
        if given.only in (None, name):
            rows += measure(name, given.events, given.columns)
            print(*rows, sep="\n", flush=True)
    notes = f"{given.events:,} events of a day, {A_REQUEST} a request, {PEOPLE:,} people; columns without the parts' shared files."
    report("Bytes of an event", "python -m benchmarks.bench_bytes", ("way", "what", "bytes an event"), rows, notes)


if __name__ == "__main__":
    main()
