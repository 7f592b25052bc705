"""How long a sender is to wait: by what is held, how fast it was let go of lately, and who else was sent away."""

from contextlib import ExitStack

import pytest

from sidecar.receiver.memory_limiter import SLOW_AFTER_S, MemoryLimiter, Reservation
from sidecar.receiver.responses import LONGEST_WAIT_S, RefusedError, retry_after
from sidecar.telemetry.metrics import Metrics
from tests.support.clock import FakeClock

LIMIT = 1000


class Bench:
    """A memory limiter with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.memory_limiter = MemoryLimiter(LIMIT, Metrics(), self.clock)

    def flow(self, rate: float, seconds: int) -> None:
        """Let requests come and go, so many bytes a second, ten a second."""
        for _ in range(seconds * 10):
            with self.memory_limiter.book() as reservation:
                reservation.hold(int(rate / 10))
                self.clock.advance(0.1)

    def fill(self) -> Reservation:
        """Take all the room there is."""
        reservation = self.memory_limiter.book()
        reservation.hold(LIMIT)
        return reservation

    def refused(self, amount: int = 100) -> float:
        """Seconds that a request is to wait."""
        with pytest.raises(RefusedError) as caught, self.memory_limiter.book() as reservation:
            reservation.hold(amount)
        assert caught.value.status == 429
        assert caught.value.after is not None
        return caught.value.after


@pytest.mark.parametrize("rate", [1000, 100, 20])
@pytest.mark.parametrize("seconds", [1, 60])
def test_the_wait_is_what_is_too_much_by_the_rate_it_is_let_go_at(rate: float, seconds: int) -> None:
    bench = Bench()
    bench.flow(rate, seconds)
    bench.fill()
    assert bench.refused(100) == pytest.approx(100 / rate, rel=0.1)


def test_idle_time_says_nothing_about_the_rate() -> None:
    bench = Bench()
    bench.flow(100, 10)
    bench.clock.advance(3600)
    bench.fill()
    assert bench.refused(100) == pytest.approx(1, rel=0.1)


def test_it_grows_while_nothing_is_let_go_of_and_shrinks_again_afterwards() -> None:
    bench = Bench()
    bench.flow(100, 10)
    held = bench.fill()
    waits = []
    for _ in range(4):
        waits.append(bench.refused(1))
        bench.clock.advance(5)
    assert waits == sorted(waits)
    assert waits[-1] > 5 * waits[0]
    held.hold(0)
    bench.flow(100, 20)
    bench.fill()
    assert bench.refused(1) < waits[1]


def test_with_nothing_to_go_by_it_is_as_long_as_it_has_taken() -> None:
    bench = Bench()
    bench.fill()
    assert bench.refused() == 0
    bench.clock.advance(12)
    assert bench.refused() == 12


def test_a_crowd_is_told_to_come_one_after_another() -> None:
    bench = Bench()
    bench.flow(100, 10)
    bench.fill()
    assert [bench.refused(100) for _ in range(4)] == pytest.approx([1, 2, 3, 4], rel=0.1)


def test_there_is_no_wait_while_there_is_room() -> None:
    bench = Bench()
    with bench.memory_limiter.book() as reservation:
        reservation.hold(LIMIT)
    assert bench.memory_limiter.wait_s(LIMIT) == 0


@pytest.mark.parametrize(
    ("seconds", "least", "most"), [(0, 1, 2), (-3, 1, 2), (1, 1, 2), (2.2, 3, 4), (10, 10, 15), (600, 40, 60)]
)
def test_retry_after_is_spread_and_bounded(seconds: float, least: int, most: int) -> None:
    drawn = [retry_after(seconds, lambda draw=draw: draw) for draw in (0.0, 0.25, 0.5, 0.75, 0.999)]  # type: ignore[misc]
    assert (min(drawn), max(drawn)) == (least, min(most, LONGEST_WAIT_S))
    assert len(set(drawn)) > 1
    assert drawn == sorted(drawn)


def arriving(bench: Bench, stack: ExitStack, held: int, given_up: list[int]) -> Reservation:
    """A body of which so much has arrived."""
    reservation = stack.enter_context(bench.memory_limiter.book())
    stack.enter_context(reservation.arriving(held, lambda: given_up.append(held)))
    reservation.hold(held)
    return reservation


def test_slow_bodies_give_way_when_memory_is_short_the_largest_first() -> None:
    bench, given_up = Bench(), list[int]()
    with ExitStack() as stack:
        for held in (100, 500, 400):
            arriving(bench, stack, held, given_up)
        bench.clock.advance(SLOW_AFTER_S)
        with bench.memory_limiter.book() as honest:
            honest.hold(300)
            assert given_up == [500]
            honest.hold(800)
            assert given_up == [500, 400]
            honest.hold(900)
    with bench.memory_limiter.book() as afterwards:
        afterwards.hold(LIMIT)


def test_bodies_that_come_fast_or_are_here_do_not_give_way() -> None:
    bench, given_up = Bench(), list[int]()
    with ExitStack() as stack:
        arriving(bench, stack, 500, given_up)
        bench.clock.advance(SLOW_AFTER_S * 0.9)
        assert bench.refused(600) > 0
        assert given_up == []
    bench.fill()  # being stored: however long that takes
    bench.clock.advance(60)
    bench.refused(100)
    assert given_up == []


def test_an_announced_body_is_sent_away_at_once_when_it_would_not_fit() -> None:
    bench = Bench()
    with bench.memory_limiter.book() as reservation:
        reservation.hold(900)
        with bench.memory_limiter.book() as other:
            with pytest.raises(RefusedError), other.arriving(200, lambda: None):
                raise AssertionError("it must not be read")
            with other.arriving(100, lambda: None):
                assert other.held == 0
