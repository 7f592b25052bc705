"""Fixtures of the integration tests: one embedded ClickHouse for all of them, and what several files run on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.archives import Archive, archive_on
from tests.support.embedded import EmbeddedClickHouse
from tests.support.image_host import ImageHost
from tests.support.image_queue import Queue
from tests.support.migrated import migrated_database
from tests.support.sinks import SinkUnderTest, sink_on


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    """A running embedded ClickHouse; each test uses a database of its own."""
    with EmbeddedClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture(params=["columns", "decoded"])
def sink(request: pytest.FixtureRequest, clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    """A ClickHouse sink on a database of its own, with each of its encoders."""
    with (
        migrated_database(clickhouse) as database,
        sink_on(clickhouse.url, database, request.param, tmp_path) as under_test,
    ):
        yield under_test


@pytest.fixture(scope="module", params=["columns", "decoded"])
def module_sink(
    request: pytest.FixtureRequest, clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SinkUnderTest]:
    """The same for a whole file, whose tests store different things or clear the tables themselves."""
    with (
        migrated_database(clickhouse) as database,
        sink_on(clickhouse.url, database, request.param, tmp_path_factory.mktemp("sink")) as under_test,
    ):
        yield under_test


@pytest.fixture
def archive(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[Archive]:
    """An image archive on a database of its own."""
    with archive_on(clickhouse, tmp_path) as running:
        yield running


@pytest.fixture
async def host() -> AsyncIterator[ImageHost]:
    """A host of images that can fail in every way a host can."""
    async with ImageHost() as running:
        yield running


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """An archiver on a store that remembers everything, without a ClickHouse."""
    return Queue(tmp_path)
