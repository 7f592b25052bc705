"""The limiter keeps to the rate over an hour, over restarts, over a clock that is set; and wastes little of it."""

import asyncio
from pathlib import Path

import pytest

from sidecar.plugins.images.stores.base import StorePausedError
from sidecar.plugins.images.stores.rate_limiter import RateLimiter
from stack.simulators.cloudflare.limits import PERIOD_S, RateLimit
from stack.simulators.cloudflare.wire import RefusedError
from tests.support.clock import FakeClock


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fdatasync", lambda handle: None)  # 14,000 times an hour


def limiter_at(folder: Path, clock: FakeClock, limit: int = 1150) -> RateLimiter:
    limiter = RateLimiter(folder / "requests", clock, limit=limit, period_s=PERIOD_S, sleep=clock.sleep)
    limiter.open()
    return limiter


async def work(limiter: RateLimiter, clock: FakeClock, server: RateLimit, until: float, count: int = 1) -> int:
    """Make requests without a rest until a time; returns how many."""
    made = 0
    while clock.monotonic() < until:
        try:
            async with limiter.requests(count):
                for _ in range(count):
                    clock.advance(0.05)
                    server.count()  # raises, as the answer 429 would
                    made += 1
        except StorePausedError as paused:
            clock.advance(paused.after)
    return made


@pytest.mark.parametrize("count", [1, 2])
async def test_an_hour_of_work_takes_what_is_allowed_and_gets_no_429(tmp_path: Path, count: int) -> None:
    clock = FakeClock()
    server = RateLimit(clock.monotonic)
    end = clock.monotonic() + 3600
    limiter = limiter_at(tmp_path, clock)
    made = await work(limiter, clock, server, end, count)
    limiter.close()
    assert server.refused == 0
    assert made >= 0.97 * 12 * 1150


async def test_restarts_do_not_begin_it_anew(tmp_path: Path) -> None:
    clock = FakeClock()
    server = RateLimit(clock.monotonic)
    end, made = clock.monotonic() + 1800, 0
    while clock.monotonic() < end:
        limiter = limiter_at(tmp_path, clock)
        # closed is not needed: what a killed process wrote is what counts
        made += await work(limiter, clock, server, clock.monotonic() + 45)
        clock.skew = -20.0 if clock.skew == 0.0 else 0.0  # the machine's clock is set while it is down
        limiter.close()
    assert server.refused == 0
    assert made > 0.6 * 6 * 1150


async def test_without_its_file_the_same_work_is_refused(tmp_path: Path) -> None:
    clock = FakeClock()
    server = RateLimit(clock.monotonic)

    async def lives() -> None:
        for life in range(4):
            await work(limiter_at(tmp_path / str(life), clock), clock, server, clock.monotonic() + 45)

    with pytest.raises(RefusedError, match="971"):
        await lives()


async def test_a_request_under_way_counts_until_its_answer_is_there(tmp_path: Path) -> None:
    clock = FakeClock()
    limiter = limiter_at(tmp_path, clock, limit=2)
    async with limiter.requests(2):
        clock.advance(299)  # the service may have counted them at any moment since
    with pytest.raises(StorePausedError, match="2 requests in 300 s are used up") as error:
        async with limiter.requests():
            pass
    assert error.value.after == pytest.approx(300, abs=1)


async def test_a_request_that_takes_longer_than_the_window_keeps_its_slot(tmp_path: Path) -> None:
    clock = FakeClock()
    limiter = limiter_at(tmp_path, clock, limit=2)
    async with limiter.requests():
        clock.advance(400)
        async with limiter.requests():
            pass
        with pytest.raises(StorePausedError):
            async with limiter.requests():
                pass


async def test_the_last_of_the_wait_is_slept_through(tmp_path: Path) -> None:
    clock = FakeClock()
    limiter = limiter_at(tmp_path, clock, limit=1)
    async with limiter.requests():
        ended = clock.monotonic()
    clock.advance(296)
    async with limiter.requests():
        assert 300 < clock.monotonic() - ended < 300.1


async def test_many_at_once_share_one_limit(tmp_path: Path) -> None:
    clock = FakeClock()
    limiter = limiter_at(tmp_path, clock, limit=10)
    inside = most = 0

    async def request() -> None:
        nonlocal inside, most
        async with limiter.requests():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    outcomes = await asyncio.gather(*(request() for _ in range(25)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 10
    assert sum(isinstance(outcome, StorePausedError) for outcome in outcomes) == 15
    assert most <= 10


@pytest.mark.parametrize("content", [b"", b"\x7f\xf8" + bytes(6) + b"\xff" * 8 * 20, bytes(8) + b"\x41" * 80])
async def test_a_file_with_nonsense_costs_a_wait_at_most(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "requests").write_bytes(content)
    clock = FakeClock()
    limiter = limiter_at(tmp_path, clock, limit=10)
    clock.advance(301)
    async with limiter.requests(10):
        pass


async def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    (tmp_path / "requests").write_bytes(b"hello")
    with pytest.raises(OSError, match="requests is no file of request times"):
        limiter_at(tmp_path, FakeClock())


async def test_a_lower_limit_keeps_the_newest_times(tmp_path: Path) -> None:
    clock = FakeClock()
    limiter = limiter_at(tmp_path, clock, limit=10)
    for _ in range(10):
        clock.advance(10)
        async with limiter.requests():
            pass
    limiter.close()
    limiter = limiter_at(tmp_path, clock, limit=5)
    with pytest.raises(StorePausedError) as error:
        async with limiter.requests():
            pass
    assert error.value.after == pytest.approx(300 - 40, abs=1)


async def test_two_processes_share_one_limit(tmp_path: Path) -> None:
    clock = FakeClock()
    one, other = limiter_at(tmp_path, clock, limit=4), limiter_at(tmp_path, clock, limit=4)
    for limiter in (one, other, other, one):
        async with limiter.requests():
            pass
    for limiter in (one, other):
        with pytest.raises(StorePausedError):
            async with limiter.requests():
                pass
    one.pause(20)
    with pytest.raises(StorePausedError, match="asked for a pause"):
        async with other.requests():
            pass
