"""Loss accounting: every process numbers its events from 1, so what is missing can be counted, and often explained.

emitted = stored + dropped holds for each process by construction: `emitted` is the highest number seen or reported, `stored`
how many different numbers are here, and every other one is dropped for one of the reasons, `unknown` among them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import groupby

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
class Delivery:
    """The sums over all processes of a range, the newest processes, and the newest gaps."""

    emitted: int
    stored: int
    dropped: int
    reasons: Reasons
    instances: tuple[Instance, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of a process's numbers: how many are stored between `lowest` and `highest`, and the holes there.

    `stored` is 0 when only dead letters are known of it. `dead` counts those that are not stored after all, `dead_numbers` are
    the newest of them. `holes` may be left out of blocks that are older than GAPS_MAX gaps.
    """

    stored: int
    lowest: int
    highest: int
    holes: Sequence[tuple[int, int]]
    dead: int
    dead_numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Process:
    """What is known of one process: its blocks in order, and what its tracker reported as dropped, by reason.

    `reached` is the last number it gave out, 0 while nobody has reported its end; `cut_off` says that it did not end by itself.
    """

    service_name: str
    instance_id: str
    first_at: datetime
    last_at: datetime
    blocks: Sequence[Block]
    reported: Reasons
    reached: int = 0
    cut_off: bool = False

    @property
    def front(self) -> int:
        """The highest number that came here, stored or not."""
        return max((max([block.highest, *block.dead_numbers]) for block in self.blocks), default=0)

    @property
    def tail(self) -> int:
        """How many numbers it gave out after the last that came here."""
        return max(0, self.reached - self.front)


def account(processes: Iterable[Process]) -> Delivery:
    """Balance the books of processes, which come newest first."""
    instances: list[Instance] = []
    gaps: list[Gap] = []
    for process in processes:
        instance = _balance(process)
        instances.append(instance)
        if len(gaps) < GAPS_MAX:
            gaps += list(reversed(list(_gaps(process, instance))))[: GAPS_MAX - len(gaps)]
    reasons = Reasons(
        *(sum(getattr(each.reasons, name) for each in instances) for name in (field.name for field in fields(Reasons)))
    )
    emitted, stored = sum(each.emitted for each in instances), sum(each.stored for each in instances)
    return Delivery(emitted, stored, emitted - stored, reasons, tuple(instances[:INSTANCES_MAX]), tuple(gaps))


def _balance(process: Process) -> Instance:
    stored = sum(block.stored for block in process.blocks)
    emitted = max(process.front, process.reached)
    left = emitted - stored
    taken = {"dead_letters": sum(block.dead for block in process.blocks)}
    left -= taken["dead_letters"]
    for name in ("queue_full", "refused", "failed"):
        # A tracker may count what arrived all the same (its answer was lost), or what comes after all we have seen.
        taken[name] = min(left, getattr(process.reported, name))
        left -= taken[name]
    taken["process_ended"] = min(left, process.tail) if process.cut_off else 0
    left -= taken["process_ended"]
    return Instance(
        process.service_name,
        process.instance_id,
        process.first_at,
        process.last_at,
        emitted,
        stored,
        emitted - stored,
        Reasons(**taken, unknown=left),
    )


def _gaps(process: Process, instance: Instance) -> Iterator[Gap]:
    """Missing runs in order, cut where the reason changes. Dead letters are known by number, and what a process took with it
    is the end of its sequence; the rest is known by count."""
    all_of_tail = instance.reasons.process_ended == process.tail
    others = [
        name
        for name in ("queue_full", "refused", "failed", "process_ended", "unknown")
        if getattr(instance.reasons, name) and not (name == "process_ended" and all_of_tail)
    ]
    reason = others[0] if len(others) == 1 else "unknown"
    for start, end in _missing(process):
        known = sorted(number for block in process.blocks for number in block.dead_numbers if start <= number <= end)
        at = start
        for run_start, run_end in _runs(known):
            if at < run_start:
                yield Gap(process.instance_id, at, run_start - 1, reason)
            yield Gap(process.instance_id, run_start, run_end, "dead_letters")
            at = run_end + 1
        if at <= end:
            taken_along = all_of_tail and at > process.front
            yield Gap(process.instance_id, at, end, "process_ended" if taken_along else reason)


def _missing(process: Process) -> Iterator[tuple[int, int]]:
    reached = 0
    for block in process.blocks:
        if block.stored:
            if block.lowest > reached + 1:
                yield reached + 1, block.lowest - 1
            yield from block.holes
            reached = block.highest
    last = max(process.front, process.reached)
    if last > reached:
        yield reached + 1, last


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]
