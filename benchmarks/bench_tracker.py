"""What one `track()` costs the caller, beside the SDK's own `Logger.emit`, PostHog's `capture` and a task with an insert.

    python -m benchmarks.bench_tracker

Rounds of all but the inserts alternate in one process, so that a busy machine slows all alike.
"""

import statistics
import tempfile
import time
from collections.abc import Callable

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult

from benchmarks.report import report
from benchmarks.tracker_peers import TASKS, posthog_capture, task_and_insert
from chattrail import Chat, Person, create_tracker
from chattrail.events import UserMessage

ROUNDS, CALLS = 30, 1000


class Nowhere(LogRecordExporter):
    """Takes everything and keeps nothing."""

    def export(self, batch: object) -> LogRecordExportResult:
        """Do nothing."""
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Do nothing."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing."""
        return True


def measure(call: Callable[[], None]) -> list[float]:
    """Return the times of CALLS calls, in µs."""
    times = []
    for _ in range(CALLS):
        began = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - began) / 1000)
    return times


def main() -> None:
    """Measure and report."""
    tracker = create_tracker("bench", exporter=Nowhere())
    folder = tempfile.TemporaryDirectory()
    kept = create_tracker("bench", exporter=Nowhere(), state=folder.name)
    away = create_tracker("bench", endpoint="http://127.0.0.1:9")
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(Nowhere()))
    logger = provider.get_logger("bench")
    ann, home = Person(1001, "ann", "Ann Lee", "en", True), Chat(1001)
    text = "Tell me a story about the sea, and do not forget the lighthouse."
    attributes = {f"attribute.{number}": text if number == 0 else number for number in range(15)}

    def sdk() -> None:
        logger.emit(timestamp=1, event_name="bench", body="user_message", attributes=attributes)

    def track() -> None:
        tracker.track(UserMessage(text=text, length=len(text)), user=ann, chat=home, update_id=1, message_id=2)

    def track_kept() -> None:
        kept.track(UserMessage(text=text, length=len(text)), user=ann, chat=home, update_id=1, message_id=2)

    def track_away() -> None:
        away.track(UserMessage(text=text, length=len(text)), user=ann, chat=home, update_id=1, message_id=2)

    cases = {
        "SDK: Logger.emit": sdk,
        "track(), collector up": track,
        "track(), with a state folder": track_kept,
        "track(), collector away": track_away,
    }
    times: dict[str, list[float]]
    with posthog_capture(attributes) as capture:
        cases["PostHog: capture()"] = capture
        times = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, call in cases.items():
                times[name] += measure(call)
    times[f"create_task and insert, {TASKS} at once, of the loop"] = task_and_insert(list(attributes.values()))
    base = statistics.median(times["SDK: Logger.emit"])
    rows = []
    for name, taken in times.items():
        cuts = [f"{cut:.1f}" for cut in statistics.quantiles(taken, n=1000)]
        tail = (cuts[989], cuts[998]) if len(taken) >= 1_000 else ("", "")
        median = statistics.median(taken)
        rows.append((name, f"{median:.1f}", *tail, f"{median / base:.2f}"))
    report(
        "Cost of track()",
        "python -m benchmarks.bench_tracker",
        ("call", "median µs", "p99 µs", "p99.9 µs", "× SDK"),
        rows,
        f"{ROUNDS * CALLS:,} calls each, alternating; 15 attributes. track() adds id, session and sanitising to emit."
        " PostHog sends to a server that takes all.",
    )
    for used in (tracker, kept, away):
        used.shutdown(0.5)
    folder.cleanup()
    provider.shutdown()


if __name__ == "__main__":
    main()
