"""Memory of embedded ClickHouse: when it has started, and after inserts and queries that need some.

    python -m benchmarks.bench_embedded_memory

The server is a process of its own with its default settings. Linux only: it tells whose each page is.
"""

import re
import tempfile
from pathlib import Path

from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse, ask

HEAD = (
    "when",
    "RSS, MiB",
    "of it mapped from files (the engine's library), MiB",
    "of it private, MiB",
    "highest RSS so far, MiB",
)
ROWS, INSERTS, ROUNDS = 10_000, 50, 10
TABLE = "CREATE TABLE chattrail.t (a UInt64, b String, d DateTime64(9)) ENGINE = MergeTree ORDER BY (b, a)"
QUERIES = (
    "SELECT count(), uniqExact(b), max(d) FROM chattrail.t",
    "SELECT b, quantile(0.9)(a) FROM chattrail.t GROUP BY b ORDER BY 2 DESC LIMIT 10",
    "SELECT * FROM chattrail.t ORDER BY d DESC LIMIT 10000 FORMAT JSONEachRow",
    "SELECT a, b FROM chattrail.t FORMAT Parquet",
)


def memory(pid: int) -> tuple[int, int, int, int]:
    """Resident, mapped from files, private and highest resident memory of a process in MiB."""
    shown = Path(f"/proc/{pid}/status").read_text() + Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = {name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", shown, re.M)}
    private = kib["Private_Clean"] + kib["Private_Dirty"]
    return kib["VmRSS"] >> 10, kib["RssFile"] >> 10, private >> 10, kib["VmHWM"] >> 10


def load(server: EmbeddedClickHouse) -> None:
    """Insert rows in batches, then ask as each user."""
    requests = [("default", TABLE)]
    insert = "INSERT INTO chattrail.t SELECT number, toString(cityHash64(number) % 1000), now64(9) FROM numbers({}, {})"
    requests += [("default", insert.format(number * ROWS, ROWS)) for number in range(INSERTS)]
    requests += [(user, sql) for user in ("default", "readonly") for sql in QUERIES * ROUNDS]
    for user, sql in requests:
        reply = ask(server, sql, user=user)
        assert reply.status == 200, reply.text


def main() -> None:
    """Measure and write the section of RESULTS.md."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedClickHouse(Path(folder)) as server:
        rows = [("started", *memory(server.pid))]
        load(server)
        rows.append(
            (
                f"after {INSERTS} inserts of {ROWS:,} rows, and {2 * len(QUERIES) * ROUNDS} queries over them",
                *memory(server.pid),
            )
        )
    notes = "Private memory is what ends with the process; pages of files are shared and can be read again."
    report("Memory of embedded ClickHouse", "python -m benchmarks.bench_embedded_memory", HEAD, rows, notes)


if __name__ == "__main__":
    main()
