"""The chain that all public bots of a file share."""

from collections.abc import Iterator

import pytest

from tests.integration.public_bots.chain import Chain, chain_on
from tests.support.embedded import EmbeddedClickHouse


@pytest.fixture(scope="module")
def chain(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain_on(clickhouse, tmp_path_factory.mktemp("chain")) as made:
        yield made
