"""What it costs to store events: ClickHouse parsing OTLP itself, beside decoding in Python, through the same sink.

    python -m benchmarks.bench_ingest

Both encoders get bodies of the same shape in turns, on one embedded ClickHouse. CPU is the sink's process and ClickHouse's.
"""

import statistics
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

ROUNDS = 5
SIZES = (2, 500, 10_000)
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


def measure(sink: SinkUnderTest, server: psutil.Process, records: int) -> tuple[float, float]:
    """Store one fresh body; return wall and CPU seconds."""
    fresh = body(records)
    own = psutil.Process()

    def cpu() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in (own, server))

    before, began = cpu(), time.perf_counter()
    sink.handle(fresh)
    return time.perf_counter() - began, cpu() - before


def main() -> None:
    """Measure and report."""
    folder = Path(tempfile.mkdtemp())
    with (
        EmbeddedClickHouse(folder) as clickhouse,
        sink_on(clickhouse.url, "native", "native", folder / "n") as native,
        sink_on(clickhouse.url, "decoded", "decoded", folder / "d") as decoded,
    ):
        server = psutil.Process(clickhouse.pid)
        rows = []
        for size in SIZES:
            found: dict[str, list[tuple[float, float]]] = {"native": [], "decoded": []}
            for turn in range(ROUNDS + 1):
                for name, sink in (("native", native), ("decoded", decoded)):
                    result = measure(sink, server, size)
                    if turn:  # the first warms up
                        found[name].append(result)
            walls = {name: statistics.median(wall for wall, _ in results) for name, results in found.items()}
            for name, results in found.items():
                cpu = statistics.median(cpu for _, cpu in results)
                rate = f"{size / walls[name]:,.0f}"
                ratio = f"{walls[name] / walls['native']:.2f}"
                rows.append((f"{size:,}", name, f"{walls[name] * 1000:.0f}", f"{cpu * 1000:.0f}", rate, ratio))
    header = ("records a request", "encoder", "wall ms", "CPU ms", "records/s", "x native")
    notes = f"Medians of {ROUNDS} inserts in turns, each acknowledged after commit, views and rollup marks included."
    report("Storing events", "python -m benchmarks.bench_ingest", header, rows, notes)


if __name__ == "__main__":
    main()
