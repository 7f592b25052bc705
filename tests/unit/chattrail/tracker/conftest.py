"""The bench that the tests of the tracker share."""

from collections.abc import Iterator

import pytest

from tests.unit.chattrail.tracker.bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.tracker.shutdown()
