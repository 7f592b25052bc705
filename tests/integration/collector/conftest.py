"""What the collector sends to, once for a file or anew for each test, and a collector for a whole file."""

from collections.abc import Iterator

import pytest

from tests.support.collector_process import Collector, Destination


@pytest.fixture(scope="module")
def destination() -> Iterator[Destination]:
    """A destination for a whole file."""
    with Destination() as running:
        yield running


@pytest.fixture(scope="module")
def collector(destination: Destination, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A collector that sends there, with its default settings."""
    with Collector(tmp_path_factory.mktemp("collector"), destination.url) as running:
        yield running


@pytest.fixture
def sidecar() -> Iterator[Destination]:
    """A destination of one test."""
    with Destination() as running:
        yield running


@pytest.fixture
def vendor() -> Iterator[Destination]:
    """What a feed of one test sends to."""
    with Destination() as running:
        yield running
