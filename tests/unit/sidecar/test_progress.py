"""How far a body has been stored is remembered for a while, and not of more bodies than there is room for."""

from datetime import UTC, datetime

from sidecar.plugin import Clock
from sidecar.receiver.progress import KEEP_S, MOST, ProgressOfBodies


class HandClock(Clock):
    """Stands still until it is set."""

    seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def test_progress_is_known_until_nobody_has_asked_for_long() -> None:
    clock = HandClock()
    known = ProgressOfBodies(clock)
    known.of("one").pieces = 3
    for _ in range(3):
        clock.seconds += KEEP_S - 1
        assert known.of("one").pieces == 3
    clock.seconds += KEEP_S + 1
    assert known.of("one").pieces == 0


def test_the_bodies_that_were_asked_for_longest_ago_go_first() -> None:
    known = ProgressOfBodies(HandClock())
    for number in range(MOST + 1):
        known.of(str(number)).pieces = 1
        known.of("0")
    assert [known.of(one).pieces for one in ("0", "1", str(MOST))] == [1, 0, 1]
