"""Makes the second rollups follow from `activity` as it is, whoever wrote it: the statements that fill them once, run again."""

import asyncio
from typing import Any, cast

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client

from sidecar.plugins.clickhouse.keys import ALL, SLOTS, Key
from sidecar.plugins.clickhouse.second_rollups import SecondRollups

TABLES = ("figures", "choices", "people")


class _Blocking:
    """A client of tests where the rollup expects one that is awaited."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def query(self, *args: Any, **options: Any) -> Any:
        return self._client.query(*args, **options)

    async def raw_query(self, *args: Any, **options: Any) -> Any:
        return self._client.raw_query(*args, **options)

    async def command(self, *args: Any, **options: Any) -> Any:
        return self._client.command(*args, **options)


def recount(client: Client) -> None:
    """Empty them, and fill them from all of `activity`."""
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")
    rollups = SecondRollups(cast("AsyncClient", _Blocking(client)), 60)

    async def everything() -> None:
        key: Key | None = SLOTS
        while key is not None:
            key = await rollups.next(ALL, key)

    asyncio.run(everything())
