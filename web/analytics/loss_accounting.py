"""Loss accounting: every process numbers its events from 1, so what is missing can be counted, and often explained.

emitted = stored + dropped holds for each process by construction: `emitted` is the highest number seen or reported, `stored`
how many different numbers are here, and every other one is dropped for one of the reasons, `unknown` among them. The counting is
ClickHouse's (web/analytics/sql/loss_accounting.sql); this module finds which numbers are missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

GAPS_MAX = 20
INSTANCES_MAX = 50


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why numbers are not stored.

    `process_ended`: the process was cut off while it held them; `unknown` ones are on their way, or were lost where nobody counts.
    """

    dead_letters: int = 0
    queue_full: int = 0
    refused: int = 0
    failed: int = 0
    process_ended: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of a bot. `first_at` and `last_at` are times of its events."""

    service_name: str
    instance_id: str
    first_at: datetime
    last_at: datetime
    emitted: int
    stored: int
    dropped: int
    reasons: Reasons


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of one process that are not stored: `start` to `end`, both missing. `reason` is a field of Reasons."""

    instance_id: str
    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class LossAccounting:
    """The sums over all processes of a range, how many these are, the newest of them, and the newest gaps."""

    emitted: int
    stored: int
    dropped: int
    reasons: Reasons
    processes: int
    instances: tuple[Instance, ...]
    gaps: tuple[Gap, ...]


def gaps(process: Instance, front: int, runs: Iterable[tuple[int, int]], dead_letters: Iterable[int]) -> Iterator[Gap]:
    """Cut a process's runs of missing numbers where the reason changes. Runs and dead letters come newest first.

    `front` is the highest number that came here, stored or not. Dead letters are known by number, and what a process took
    with it is the end of its sequence; the rest is known by count.
    """
    name, reasons = process.instance_id, process.reasons
    is_whole_tail = reasons.process_ended == process.emitted - front
    others = [
        reason
        for reason in ("queue_full", "refused", "failed", "process_ended", "unknown")
        if getattr(reasons, reason) and not (reason == "process_ended" and is_whole_tail)
    ]
    other = others[0] if len(others) == 1 else "unknown"

    def known_by_count(start: int, end: int) -> Gap:
        return Gap(name, start, end, "process_ended" if is_whole_tail and start > front else other)

    dead = _runs(dead_letters)
    letters = next(dead, None)
    for start, end in runs:
        while letters and letters[0] >= start:
            if letters[1] < end:
                yield known_by_count(letters[1] + 1, end)
            yield Gap(name, *letters, "dead_letters")
            end, letters = letters[0] - 1, next(dead, None)
        if start <= end:
            yield known_by_count(start, end)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Join falling numbers that follow one another."""
    start = end = 0
    for number in numbers:
        if number != start - 1:
            if end:
                yield start, end
            end = number
        start = number
    if end:
        yield start, end
