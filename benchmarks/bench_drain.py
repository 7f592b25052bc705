"""What a stored event costs: Chattrail's sidecar beside the collector's ClickHouse exporter and rotel, on the same engine.

    python -m benchmarks.bench_drain [--events 80000] [--only chattrail,rotel]

Each way gets the same bodies over OTLP/HTTP from senders that wait for each response, and a fresh embedded ClickHouse. CPU is
that of the way's processes and of ClickHouse. Needs `make clients`.
"""

import argparse
import http.client
import shutil
import statistics
import tempfile
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from clickhouse_connect.driver.client import Client

from benchmarks.drain_paths import Running, chattrail, exporter, rotel
from benchmarks.realistic import bodies
from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse

WAYS = {
    "chattrail": chattrail,
    "exporter": exporter(batched=False, indexes=True),
    "exporter without indexes": exporter(batched=False, indexes=False),
    "exporter batched": exporter(batched=True, indexes=True),
    "exporter batched without indexes": exporter(batched=True, indexes=False),
    "rotel": rotel(indexes=True),
    "rotel without indexes": rotel(indexes=False),
}
SHAPES = ((100, 16), (1_000, 4), (8_000, 2))  # events a request, senders
QUIET_S = 2.0
STUCK_S = 20.0
BUSY = "SELECT count() FROM system.merges"
FIGURES = "SELECT sum(events) FROM activity FINAL"
BYTES = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase()"


@dataclass(slots=True)
class Sent:
    """What the senders saw."""

    waits: list[float] = field(default_factory=list)
    refused: int = 0


def send(address: str, requests: list[bytes], senders: int) -> Sent:
    """Post the requests from some threads; a refused one comes again a moment later."""
    url, waiting, sent, lock = urlsplit(address), list(requests), Sent(), threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=120)
        while True:
            with lock:
                if not waiting:
                    return
                one = waiting.pop()
            began = time.perf_counter()
            while not _post(connection, url.path, one):
                sent.refused += 1
                time.sleep(0.05)
            sent.waits.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sent


def _post(connection: http.client.HTTPConnection, path: str, one: bytes) -> bool:
    try:
        connection.request("POST", path, one, {"content-type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
    except OSError:
        connection.close()
        return False
    return answer.status == 200


def number(client: Client, query: str) -> int:
    """The one number that a query returns."""
    return int(client.query(query).result_rows[0][0] or 0)


def arrived(running: Running, expected: int) -> int:
    """Wait until the rows are there, or until no more come; how many there are."""
    rows, changed = -1, time.monotonic()
    while rows < expected and time.monotonic() - changed < STUCK_S:
        found = number(running.client, f"SELECT count() FROM {running.table}")
        if found != rows:
            rows, changed = found, time.monotonic()
        time.sleep(0.1)
    return rows


def settled(running: Running, expected: int) -> None:
    """Wait until no merge has run for a while, and Chattrail's figures count all."""
    since, behind = time.monotonic(), running.table == "events"
    while time.monotonic() - since < QUIET_S:
        behind = behind and number(running.client, FIGURES) < expected  # asking costs processor time, too: not again
        if behind or number(running.client, BUSY):
            since = time.monotonic()
        time.sleep(0.5)


def measure(
    way: str, started: AbstractContextManager[Running], server: int, requests: list[bytes], size: int, senders: int
) -> list[object]:
    """One row of the table."""
    with started as running:
        processes = [psutil.Process(pid) for pid in (server, *running.pids)]

        def cpu() -> float:
            return sum(sum(process.cpu_times()[:2]) for process in processes)

        warm = bodies(size, 2, seed=2)
        while not _post_once(running.address, warm[0]):  # until it listens
            time.sleep(0.1)
        send(running.address, warm[1:], 1)
        expected = arrived(running, 2 * size) + len(requests) * size
        settled(running, 2 * size)
        before, began = cpu(), time.perf_counter()
        sent = send(running.address, requests, senders)
        rows = arrived(running, expected)
        wall, committed = time.perf_counter() - began, cpu() - before
        settled(running, rows)
        whole = cpu() - before
        events = len(requests) * size
        each = number(running.client, BYTES) / max(rows, 1)
        waits = sorted(sent.waits)
        return [
            f"{size:,} × {senders}", way, f"{events / committed:,.0f}", f"{events / whole:,.0f}", f"{events / wall:,.0f}",
            f"{statistics.median(waits) * 1000:.0f}", f"{waits[int(len(waits) * 0.99)] * 1000:.0f}",
            f"{expected - rows:,}", f"{sent.refused:,}", f"{each:.0f}",
        ]  # fmt: skip


def _post_once(address: str, one: bytes) -> bool:
    url = urlsplit(address)
    return _post(http.client.HTTPConnection(url.hostname or "", url.port, timeout=120), url.path, one)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=80_000)
    parser.add_argument("--only", default="", help="ways, separated by commas")
    given = parser.parse_args()
    ways = [way for way in WAYS if not given.only or way in given.only.split(",")]
    rows = []
    for size, senders in SHAPES:
        requests = bodies(size, given.events // size)
        for way in ways:
            folder = Path(tempfile.mkdtemp())
            with EmbeddedClickHouse(folder) as clickhouse:
                started = WAYS[way](clickhouse, folder)
                rows.append(measure(way, started, clickhouse.pid, requests, size, senders))
                print(rows[-1], flush=True)
            shutil.rmtree(folder)
    header = (
        "events × senders", "way", "events per CPU second until committed", "with merges and figures", "events/s",
        "response ms p50", "p99", "lost", "refused", "bytes an event",
    )  # fmt: skip
    notes = (
        f"{given.events:,} events of a bot that chats, the same for every way. Chattrail's sidecar and the exporter"
        " without batches answer after the commit, the others before. Bytes are those of all tables right after the merges."
    )
    report("Draining events into ClickHouse", "python -m benchmarks.bench_drain", header, rows, notes)


if __name__ == "__main__":
    main()
