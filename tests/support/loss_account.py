"""Loss accounting counted the plain way, number by number, to compare with what ClickHouse and the web part make of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from web.analytics.loss_accounting import Gap, Instance, Reasons

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class PlainProcess:
    """What became of one process's numbers."""

    name: str
    stored: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)
    queue_full: int = 0
    refused: int = 0
    failed: int = 0
    reached: int = 0
    cut_off: bool = True
    at: datetime = NOON

    @property
    def lost(self) -> set[int]:
        """Dead letters that are not stored after all."""
        return self.dead - self.stored

    @property
    def front(self) -> int:
        """The highest number that came, stored or not."""
        return max(self.stored | self.dead, default=0)

    @property
    def emitted(self) -> int:
        """The highest number that came or was reported."""
        return max(self.front, self.reached)

    def reasons(self) -> Reasons:
        """Each missing number takes the first reason that is left."""
        left = self.emitted - len(self.stored) - len(self.lost)
        counts: list[int] = []
        for most in (self.queue_full, self.refused, self.failed, (self.emitted - self.front) * self.cut_off):
            counts.append(min(left, most))
            left -= counts[-1]
        queue_full, refused, failed, process_ended = counts
        return Reasons(len(self.lost), queue_full, refused, failed, process_ended, left)

    def instance(self) -> Instance:
        """The account of this process."""
        stored = len(self.stored)
        return Instance(
            "test-bot", self.name, self.at, self.at, self.emitted, stored, self.emitted - stored, self.reasons()
        )

    def gaps(self) -> list[Gap]:
        """All gaps, newest first: neighbours of one reason are one gap."""
        reasons = self.reasons()
        is_whole_tail = reasons.process_ended == self.emitted - self.front
        left = {name for name in ("queue_full", "refused", "failed", "unknown") if getattr(reasons, name)}
        if reasons.process_ended and not is_whole_tail:
            left.add("process_ended")
        other = left.pop() if len(left) == 1 else "unknown"
        found: list[Gap] = []
        front = self.front
        for number in range(self.emitted, 0, -1):
            if number in self.stored:
                continue
            reason = "dead_letters" if number in self.dead else other
            if number > front and is_whole_tail:
                reason = "process_ended"
            if found and found[-1].start == number + 1 and found[-1].reason == reason:
                found[-1] = Gap(self.name, number, found[-1].end, reason)
            else:
                found.append(Gap(self.name, number, number, reason))
        return found

    def runs(self) -> Iterator[tuple[int, int]]:
        """Runs of numbers that are not stored, newest first."""
        end = self.emitted
        for number in [*sorted(self.stored, reverse=True), 0]:
            if number < end:
                yield number + 1, end
            end = number - 1


def total(processes: Sequence[PlainProcess]) -> Reasons:
    """The reasons of all."""
    each = [process.reasons() for process in processes]
    return Reasons(*(sum(getattr(one, name) for one in each) for name in Reasons.__slots__))
