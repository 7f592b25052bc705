"""How soon a tap is in the API while a bot is busy: by the library and the collector, to a person's trail and to the figures.

    python -m benchmarks.bench_freshness [--seconds 20]

`make up` runs as it is. A tracker emits so many events a second of 1,000 people; now and then a person who is new taps, and the
API is asked until the trail has the event, and until the list of users, which reads the figures, has the person.
"""

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.report import report
from chattrail import Tracker, create_tracker
from chattrail.context import Chat, Person
from chattrail.events import UserMessage
from tests.support.launched import Launched, free_ports

RATES = (10, 100, 1_000)  # events a second
STEP_S, LOOK_S, BETWEEN_S = 0.02, 0.03, 0.5


def say(tracker: Tracker, person: int) -> None:
    """Record a message of somebody."""
    tracker.track(
        UserMessage(text="hello, are you there?"), user=Person(person, name=f"Person {person}"), chat=Chat(person)
    )


def keep_busy(tracker: Tracker, rate: int, stop: threading.Event) -> None:
    """Emit events at a rate until told to stop."""
    people, due = itertools.cycle(range(1_000)), 0.0
    began = time.monotonic()
    emitted = 0
    while not stop.wait(STEP_S):
        due = (time.monotonic() - began) * rate
        while emitted < due:
            say(tracker, next(people))
            emitted += 1


def until_seen(up: Launched, path: str, name: str, began: float) -> float:
    """Ask until the list `name` of the answer has something; the seconds since `began`."""
    while True:
        answer = up.get(path)
        if answer.status_code == 200 and answer.json()[name]:
            return time.monotonic() - began
        if time.monotonic() - began > 60:
            raise SystemExit(f"{path} has had nothing for a minute")
        time.sleep(LOOK_S)


def measure(up: Launched, tracker: Tracker, rate: int, seconds: float, numbers: "itertools.count[int]") -> list[object]:
    """One row of the table."""
    stop = threading.Event()
    busy = threading.Thread(target=keep_busy, args=(tracker, rate, stop))
    busy.start()
    time.sleep(2)  # until the load has filled the queues on the way
    trails, figures = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        person, began = next(numbers), time.monotonic()
        say(tracker, person)
        trails.append(until_seen(up, f"users/{person}/events", "events", began))
        figures.append(until_seen(up, f"users?q={person}", "users", began))
        time.sleep(BETWEEN_S)
    stop.set()
    busy.join()
    row: list[object] = [f"{rate:,}", len(trails)]
    for found in (sorted(trails), sorted(figures)):
        row += [f"{statistics.median(found):.2f}", f"{found[int(len(found) * 0.95)]:.2f}", f"{found[-1]:.2f}"]
    return row


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20, help="for each rate")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder, ports = Path(name), free_ports()
        up = Launched("up", folder / "data", ports)
        try:
            up.login_link()
            tracker = create_tracker("busy-bot", endpoint=f"http://127.0.0.1:{ports['CHATTRAIL_COLLECTOR_HTTP_PORT']}")
            numbers = itertools.count(7_000_001)
            rows = [measure(up, tracker, rate, seconds, numbers) for rate in RATES]
            tracker.shutdown(30)
            dropped = tracker.dropped
            up.end()
        finally:
            up.kill()
    header = (
        "events a second",
        "taps",
        "in the trail s p50",
        "p95",
        "slowest",
        "in the figures s p50",
        "p95",
        "slowest ",
    )
    notes = (
        f"From the call of track() to the API's answer that has it, which is asked each {LOOK_S * 1000:.0f} ms."
        f" Lost: {dropped}."
    )
    report("From a tap to the API", "python -m benchmarks.bench_freshness", header, rows, notes)


if __name__ == "__main__":
    main()
