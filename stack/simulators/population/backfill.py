"""`python -m stack.simulators.population.backfill`: sends the people's history through the tracker and OTLP, losing nothing.

The standard OTEL_EXPORTER_OTLP_* variables say where it is sent, as for the bot itself.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

from opentelemetry.sdk.resources import Resource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chattrail.context import Chat, Person
from chattrail.export.pipeline import connect
from chattrail.export.processor import CountingBatchProcessor, Limits
from chattrail.tracker import Tracker
from common.private_files import keep_files_private
from stack.simulators.population.deterministic_ids import DeterministicIds
from stack.simulators.population.history import History
from stack.simulators.population.history_writer import HistoryEvent
from stack.simulators.population.population import population

SERVICE_NAME = "chattrail-bot"  # that of the persona bot, whose history it is: a dashboard shows one bot
FIRST_UPDATE = 10_000_001
IN_FLIGHT = 2_000
"""Events that may wait at once; the queue holds more, so that none is ever dropped from it."""
STALLED_SECONDS = 60.0
CHECKED_EVERY = 200


class StalledError(Exception):
    """No receiver takes the events, or some were refused."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code."""
    options = _parse(arguments)
    keep_files_private()
    console = Console(stderr=True)
    with console.status("Generating the history…"):
        people = islice(population(options.seed), options.people)
        history = History(people, options.until - timedelta(days=options.days), options.until)
    try:
        tracker = history_tracker(f"{options.seed}/{options.until.isoformat()}/{options.days}")
    except ValueError as error:
        console.print(f"[red]{error}[/]")
        return 2
    columns = (TextColumn("Sending history"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    total = len(history)
    try:
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("history", total=total)
            send(tracker, history, lambda done: progress.update(bar, completed=done))
    except (StalledError, KeyboardInterrupt) as error:
        tracker.shutdown(1.0)
        stored = tracker.counts().exported
        console.print(f"[red]{error or 'interrupted'}[/] {stored:,} of {total:,} events were stored.")
        return 1
    tracker.shutdown()
    counts = tracker.counts()
    if counts.dropped or counts.exported != total:
        console.print(f"[red]Of {total:,} events {counts.exported:,} were taken, lost: {dict(counts.losses)}.[/]")
        return 1
    sys.stdout.write(summary(history, options.days, options.until) + "\n")
    return 0


def history_tracker(seed: str) -> Tracker:
    """Return a tracker like the bot's, whose ids a second run repeats. Raises ValueError for a wrong OTLP setting."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        raise ValueError("OTEL_SDK_DISABLED is true: nothing would be sent; unset it for the backfill")
    resource = partial(Resource.create, {"service.name": SERVICE_NAME, "service.instance.id": f"backfill-{seed}"})
    limits = Limits(queue_records=IN_FLIGHT * 4)
    pipeline = CountingBatchProcessor(resource, lambda: connect(None, None, None), limits, "wait")
    return Tracker(DeterministicIds(pipeline, seed))


def send(tracker: Tracker, history: Iterable[HistoryEvent], report: Callable[[int], None]) -> None:
    """Track everything at the pace of the receiver, and wait until all is taken. Raises StalledError."""
    updates: dict[tuple[int, int], int] = {}  # numbered in the order in which the bot would have got them
    for number, one in enumerate(history):
        if number % CHECKED_EVERY == 0:
            _wait(tracker, IN_FLIGHT)
            report(tracker.counts().exported)
        member = one.member
        tracker.track(
            one.event,
            user=Person(member.id, member.username, member.name, member.language_code, member.is_premium),
            chat=Chat(member.id),
            update_id=updates.setdefault((member.id, one.update), FIRST_UPDATE + len(updates)),
            message_id=one.message_id,
            persona_id=one.persona_id,
            story_id=one.story_id,
            timestamp=one.at,
        )
    _wait(tracker, 0)
    report(tracker.counts().exported)


def _wait(tracker: Tracker, in_flight: int) -> None:
    """Wait until at most this many events are queued."""
    exported, deadline = -1, 0.0
    while (counts := tracker.counts()).queued > in_flight or counts.losses:
        if counts.losses:
            raise StalledError(f"Events were lost ({dict(counts.losses)}); the log above says why.")
        if counts.exported > exported:
            exported, deadline = counts.exported, time.monotonic() + STALLED_SECONDS
        elif time.monotonic() > deadline:
            where = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
            raise StalledError(
                f"Nobody took an event at {where} for {STALLED_SECONDS:g} s. "
                "Is the collector or the sidecar running? OTEL_EXPORTER_OTLP_ENDPOINT says where to send."
            )
        if in_flight == 0:
            tracker.flush(0.2)
        else:
            time.sleep(0.01)


def summary(history: History, days: int, until: datetime) -> str:
    """Return one line on what was sent."""
    kinds = Counter(one.event.type for one in history)
    people = len({one.member.id for one in history})
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    return f"backfilled {len(history):,} events of {people:,} people in {days} days until {until:%Y-%m-%d %H:%M} UTC: {counts}"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stack.simulators.population.backfill", description=__doc__)
    parser.add_argument("--days", type=_positive, default=60, help="how far back it goes (default 60)")
    parser.add_argument("--people", type=_positive, default=300, help="how many people (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same people (default 1)")
    parser.add_argument(
        "--until", type=_time, default=None, help="where the history ends, ISO 8601, UTC without a zone (now)"
    )
    options = parser.parse_args(arguments)
    options.until = options.until or datetime.now(UTC)
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _time(text: str) -> datetime:
    try:
        time_given = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an ISO 8601 time such as 2026-03-01T12:00:00Z") from None
    return time_given.replace(tzinfo=UTC) if time_given.tzinfo is None else time_given.astimezone(UTC)


if __name__ == "__main__":
    sys.exit(main())
