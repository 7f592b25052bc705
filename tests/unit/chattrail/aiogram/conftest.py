"""The bench that the tests of the instrumentation share."""

from collections.abc import Iterator

import pytest

from tests.unit.chattrail.aiogram.bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    assert bench.tracker.dropped == 0
    bench.tracker.shutdown()
