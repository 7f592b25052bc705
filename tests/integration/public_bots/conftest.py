"""The chain that all public bots of a file share, and the simulated Telegram of each."""

from collections.abc import AsyncIterator, Iterator

import pytest

from stack.simulators.telegram.server import TelegramServer
from tests.integration.public_bots.chain import Chain, chain_on
from tests.support.embedded import EmbeddedClickHouse


@pytest.fixture(scope="module")
def chain(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain_on(clickhouse, tmp_path_factory.mktemp("chain")) as made:
        yield made


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(token="4242:TEST", username="public_bot", keeps_record=True) as server:
        yield server
