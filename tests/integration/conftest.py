"""Fixtures of the integration tests: one embedded ClickHouse for all of them."""

from collections.abc import Iterator

import pytest

from tests.embedded import EmbeddedClickHouse


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    """A running embedded ClickHouse; tests keep apart by databases of their own."""
    with EmbeddedClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server
