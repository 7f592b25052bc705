"""What it costs to store events: blocks of columns made here, ClickHouse parsing OTLP itself, and decoding in Python.

    python -m benchmarks.bench_ingest

The encoders get bodies of the same shape in turns, on one embedded ClickHouse, through the same sink. CPU is the sink's process
and ClickHouse's, with the merges and the rollup that go on meanwhile.
"""

import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

ROUNDS = 7
SIZES = (10, 1_000, 8_000)
ENCODERS = ("columns", "native", "decoded")
TEXT = "Tell me a story about the sea, and do not forget the lighthouse."


def body(records: int) -> bytes:
    """Return a request with this many messages of 97 people, 14 attributes each."""
    return request(
        *(
            event(
                "user_message",
                str(number % 97),
                {
                    "event.sequence": number + 1,
                    "session.id": f"s-{number % 200}",
                    "telegram.chat.id": number % 97,
                    "telegram.chat.type": "private",
                    "telegram.update.id": number,
                    "telegram.message.id": number,
                    "telegram.user.username": f"person{number % 97}",
                    "telegram.user.name": "A Person",
                    "telegram.user.language_code": "en",
                    "chattrail.persona.id": "luna",
                    "chattrail.message.text": f"{TEXT} {number}",
                    "chattrail.message.length": len(TEXT),
                },
            )
            for number in range(records)
        )
    )


def measure(sink: SinkUnderTest, server: psutil.Process, records: int) -> tuple[float, float, float]:
    """Store one fresh body; return wall seconds, and CPU seconds of the sink and of ClickHouse."""
    fresh = body(records)
    own = psutil.Process()

    def cpu(process: psutil.Process) -> float:
        return sum(process.cpu_times()[:2])

    before, began = (cpu(own), cpu(server)), time.perf_counter()
    sink.handle(fresh)
    return time.perf_counter() - began, cpu(own) - before[0], cpu(server) - before[1]


def main() -> None:
    """Measure and report."""
    folder = Path(tempfile.mkdtemp())
    with EmbeddedClickHouse(folder) as clickhouse, ExitStack() as opened:
        sinks = {name: opened.enter_context(sink_on(clickhouse.url, name, name, folder / name)) for name in ENCODERS}
        server = psutil.Process(clickhouse.pid)
        rows = []
        for size in SIZES:
            found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ENCODERS}
            for turn in range(ROUNDS + 1):
                for name, sink in sinks.items():
                    result = measure(sink, server, size)
                    if turn:  # the first warms up
                        found[name].append(result)
            cpus = {name: statistics.mean(own + its for _, own, its in results) for name, results in found.items()}
            for name, results in found.items():
                wall, own, its = (statistics.mean(one) * 1000 for one in zip(*results, strict=True))
                rate, ratio = f"{size / cpus[name]:,.0f}", f"{cpus['native'] / cpus[name]:.2f}"
                rows.append((f"{size:,}", name, f"{wall:.0f}", f"{own:.0f}", f"{its:.0f}", rate, ratio))
    header = (
        "records a request",
        "encoder",
        "wall ms",
        "sidecar's CPU ms",
        "ClickHouse's",
        "records per CPU-second",
        "x native",
    )
    notes = f"Means of {ROUNDS} inserts in turns, each acknowledged after commit, views, merges and rollup included."
    report("Storing events", "python -m benchmarks.bench_ingest", header, rows, notes)


if __name__ == "__main__":
    main()
