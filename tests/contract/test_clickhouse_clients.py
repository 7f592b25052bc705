"""One suite over every client of embedded ClickHouse: what a person may connect with works the same way."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiochclient
import aiohttp
import clickhouse_connect
import pytest

from tests.support.embedded import EmbeddedClickHouse
from tests.support.tools import need

Rows = list[tuple[Any, ...]]


class Client(Protocol):
    async def command(self, sql: str) -> None: ...
    async def rows(self, sql: str) -> Rows: ...
    async def insert(self, table: str, rows: Rows) -> None: ...


class SyncConnect:
    def __init__(self, client: Any) -> None:
        self._client = client

    async def command(self, sql: str) -> None:
        await asyncio.to_thread(self._client.command, sql)

    async def rows(self, sql: str) -> Rows:
        return [tuple(row) for row in (await asyncio.to_thread(self._client.query, sql)).result_rows]

    async def insert(self, table: str, rows: Rows) -> None:
        await asyncio.to_thread(self._client.insert, table, rows)


class AsyncConnect:
    def __init__(self, client: Any) -> None:
        self._client = client

    async def command(self, sql: str) -> None:
        await self._client.command(sql)

    async def rows(self, sql: str) -> Rows:
        return [tuple(row) for row in (await self._client.query(sql)).result_rows]

    async def insert(self, table: str, rows: Rows) -> None:
        await self._client.insert(table, rows)


class Aiochclient:
    def __init__(self, client: Any) -> None:
        self._client = client

    async def command(self, sql: str) -> None:
        await self._client.execute(sql)

    async def rows(self, sql: str) -> Rows:
        return [tuple(row.values()) for row in await self._client.fetch(sql)]

    async def insert(self, table: str, rows: Rows) -> None:
        await self._client.execute(f"INSERT INTO {table} VALUES", *rows)


class Curl:
    def __init__(self, server: EmbeddedClickHouse, database: str, *options: str) -> None:
        user = f"default:{server.password}"
        self._base = [need("curl", package="curl"), "-sS", "--fail-with-body", "-u", user, *options]
        self._address = f"{server.base_url}/?database={database}"

    async def _run(self, body: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            [*self._base, "--data-binary", "@-", self._address],
            input=body.encode(),
            capture_output=True,
        )
        if done.returncode:
            raise RuntimeError(done.stdout.decode())
        return done.stdout.decode()

    async def command(self, sql: str) -> None:
        await self._run(sql)

    async def rows(self, sql: str) -> Rows:
        answer = await self._run(f"{sql} FORMAT JSONCompactEachRow SETTINGS output_format_json_quote_64bit_integers=0")
        return [tuple(json.loads(line)) for line in answer.splitlines()]

    async def insert(self, table: str, rows: Rows) -> None:
        body = "\n".join(json.dumps(row) for row in rows)
        await self._run(f"INSERT INTO {table} FORMAT JSONCompactEachRow\n{body}")


@asynccontextmanager
async def sync_connect(server: EmbeddedClickHouse, database: str) -> AsyncIterator[Client]:
    with await asyncio.to_thread(clickhouse_connect.get_client, dsn=server.dsn(database)) as client:
        yield SyncConnect(client)


@asynccontextmanager
async def async_connect(server: EmbeddedClickHouse, database: str) -> AsyncIterator[Client]:
    async with await clickhouse_connect.get_async_client(dsn=server.dsn(database)) as client:
        yield AsyncConnect(client)


@asynccontextmanager
async def async_connect_plain(server: EmbeddedClickHouse, database: str) -> AsyncIterator[Client]:
    async with await clickhouse_connect.get_async_client(dsn=server.dsn(database), compress=False) as client:
        yield AsyncConnect(client)


@asynccontextmanager
async def aiochclient_plain(server: EmbeddedClickHouse, database: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Aiochclient(
            aiochclient.ChClient(
                session, url=server.base_url, user="default", password=server.password, database=database
            )
        )


@asynccontextmanager
async def aiochclient_compressed(server: EmbeddedClickHouse, database: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Aiochclient(
            aiochclient.ChClient(
                session,
                url=server.base_url,
                user="default",
                password=server.password,
                database=database,
                compress_response=True,
            )
        )


@asynccontextmanager
async def curl(server: EmbeddedClickHouse, database: str) -> AsyncIterator[Client]:
    yield Curl(server, database)


@asynccontextmanager
async def curl_compressed(server: EmbeddedClickHouse, database: str) -> AsyncIterator[Client]:
    yield Curl(server, database, "--compressed", "--url-query", "enable_http_compression=1")


Open = Callable[[EmbeddedClickHouse, str], Any]
CLIENTS: list[Open] = [
    sync_connect,
    async_connect,
    async_connect_plain,
    aiochclient_plain,
    aiochclient_compressed,
    curl,
    curl_compressed,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture(params=CLIENTS, ids=lambda opened: opened.__name__)
async def client(request: pytest.FixtureRequest, server: EmbeddedClickHouse) -> AsyncIterator[Client]:
    with server.fresh_database() as database:
        async with request.param(server, database) as client:
            yield client


async def test_rows_go_in_and_come_out(client: Client) -> None:
    await client.command("CREATE TABLE t (a Int64, s String, l Array(String)) ENGINE = MergeTree ORDER BY a")
    rows = [(1, "tab\tline\nquote'\"\\", ["x", ""]), (2, "Привет 👋", []), (3, "", ["'", "`"])]
    await client.insert("t", rows)
    assert await client.rows("SELECT a, s, l FROM t ORDER BY a") == rows


async def test_no_rows(client: Client) -> None:
    assert await client.rows("SELECT number FROM system.numbers WHERE 0 LIMIT 1") == []


async def test_many_rows(client: Client) -> None:
    rows = await client.rows("SELECT number, toString(number) FROM numbers(300000)")
    assert len(rows) == 300_000
    assert rows[-1] == (299_999, "299999")


async def test_an_error_has_clickhouses_words(client: Client) -> None:
    with pytest.raises(Exception, match="UNKNOWN_TABLE"):
        await client.rows("SELECT * FROM no_such_table")


async def test_a_large_insert(client: Client) -> None:
    await client.command("CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a")
    rows: Rows = [(i, f"text {i} " + "x" * 50) for i in range(30_000)]
    for start in range(0, len(rows), 10_000):
        await client.insert("t", rows[start : start + 10_000])
    lengths = sum(len(text) for _, text in rows)
    assert await client.rows("SELECT count(), sum(a), sum(length(s)) FROM t") == [(30_000, 449_985_000, lengths)]


async def test_queries_at_the_same_time(server: EmbeddedClickHouse) -> None:
    async def one(opened: Open, i: int) -> Rows:
        async with opened(server, "default") as client:
            rows: Rows = await client.rows(f"SELECT {i}, sum(number) FROM numbers(100000)")
            return rows

    running: list[Awaitable[Rows]] = [one(opened, i) for i in range(6) for opened in CLIENTS]
    answers = await asyncio.gather(*running)
    assert sorted(answers) == sorted([(i, 4_999_950_000)] for i in range(6) for _ in CLIENTS)
