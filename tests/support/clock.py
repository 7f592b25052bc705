"""The clock of tests: time stands still until a test moves it on."""

from datetime import UTC, datetime

from sidecar.plugin import Clock

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FakeClock(Clock):
    """A sidecar's clock; its methods `now`, `time` and `monotonic` are the clocks of the other parts."""

    def __init__(self, start: datetime | float = START) -> None:
        self._start = start.timestamp() if isinstance(start, datetime) else start
        self._passed = 0.0
        self.skew = 0.0  # by how much the wall clock was set away from the monotonic one

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)

    def time(self) -> float:
        return self._start + self._passed + self.skew

    def time_ns(self) -> int:
        return int(self.time() * 1e9)

    def monotonic(self) -> float:
        return 1000.0 + self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
