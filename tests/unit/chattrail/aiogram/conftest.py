"""The bench that the tests of the instrumentation share."""

from collections.abc import Iterator

import pytest

from tests.unit.chattrail.aiogram.bench import Bench


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name in ("QUIET_S", "LONGEST_S"):  # edits wait until they are looked at, however slow the machine is
        monkeypatch.setattr(f"chattrail.botapi.edits.{name}", 3600.0)
    bench = Bench()
    yield bench
    assert bench.tracker.dropped == 0
    bench.tracker.shutdown()
