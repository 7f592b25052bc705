"""How far a body has been stored is remembered for a while, and not of more bodies than there is room for."""

from sidecar.receiver.progress import KEEP_S, MOST, ProgressOfBodies
from tests.support.clock import FakeClock


def test_progress_is_known_until_nobody_has_asked_for_long() -> None:
    clock = FakeClock()
    known = ProgressOfBodies(clock)
    known.of("one").pieces = 3
    for _ in range(3):
        clock.advance(KEEP_S - 1)
        assert known.of("one").pieces == 3
    clock.advance(KEEP_S + 1)
    assert known.of("one").pieces == 0


def test_the_bodies_that_were_asked_for_longest_ago_go_first() -> None:
    known = ProgressOfBodies(FakeClock())
    for number in range(MOST + 1):
        known.of(str(number)).pieces = 1
        known.of("0")
    assert [known.of(one).pieces for one in ("0", "1", str(MOST))] == [1, 0, 1]
