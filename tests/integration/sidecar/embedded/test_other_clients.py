"""clickhouse-go, JDBC and @clickhouse/client against embedded ClickHouse, each as its users configure it.

The suite of tests/contract/test_clickhouse_clients.py, and what these clients do by protocols of their own: Native at a
revision, ClickHouse's compressed blocks, every common type, failures in the middle of an answer.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.test_clickhouse_clients import (  # noqa: F401
    Rows,
    test_a_large_insert,
    test_an_error_has_clickhouses_words,
    test_no_rows,
    test_rows_go_in_and_come_out,
)
from tests.support.clients.clickhouse import KINDS, ClientError, Kind, Programs
from tests.support.embedded import EmbeddedClickHouse, ask

TYPES: list[tuple[str, str, str]] = [
    ("Int8", "-128", "127"),
    ("UInt64", "0", "18446744073709551615"),
    ("Int256", "'-57896044618658097711785492504343953926634992332820282019728792003956564819968'", "1"),
    ("Float32", "0.5", "-1e30"),
    ("Float64", "0.1", "-1e300"),
    ("BFloat16", "1.5", "2"),
    ("Decimal(9, 2)", "'-0.01'", "'1234567.89'"),
    ("Decimal(38, 9)", "'12345678901234567890.123456789'", "'-1'"),
    ("String", "''", "'мир\\t\\n\\'👋'"),
    ("FixedString(4)", "'abcd'", "'wxyz'"),
    ("Bool", "true", "false"),
    ("UUID", "'00000000-0000-0000-0000-000000000000'", "'61f0c404-5cb3-11e7-907b-a6006ad3dba0'"),
    ("Date", "'1970-01-01'", "'2100-02-28'"),
    ("Date32", "'1930-01-01'", "'2200-02-28'"),
    ("DateTime", "'2026-01-02 03:04:05'", "'1970-01-01 00:00:01'"),
    ("DateTime('Asia/Tokyo')", "'2026-01-02 03:04:05'", "'2030-01-01 00:00:01'"),
    ("DateTime64(6, 'UTC')", "'2026-01-02 03:04:05.678901'", "'1960-01-01 00:00:00.000001'"),
    ("DateTime64(9)", "'2026-01-02 03:04:05.678901234'", "'1980-01-01 00:00:00.000000001'"),
    ("Time", "'12:34:56'", "'00:00:01'"),
    ("IPv4", "'127.0.0.1'", "'255.255.255.255'"),
    ("IPv6", "'::1'", "'2001:db8::ff00:42:8329'"),
    ("Enum8('a' = 1, 'b' = 2)", "'a'", "'b'"),
    ("LowCardinality(String)", "'x'", "'y'"),
    ("LowCardinality(Nullable(String))", "NULL", "'y'"),
    ("Nullable(Int32)", "NULL", "5"),
    ("Array(Array(String))", "[['a'], []]", "[]"),
    ("Array(Nullable(Int32))", "[NULL, 5]", "[]"),
    ("Map(LowCardinality(String), String)", "{'k': 'v'}", "{}"),
    ("Map(String, UInt64)", "{'k': 1}", "{'a': 2}"),
    ("Tuple(a Int8, b String)", "(1, 'x')", "(2, 'y')"),
    ("Tuple(Int8, String)", "(1, 'x')", "(2, 'y')"),
    ("Point", "(1.5, 2.5)", "(0, -1)"),
    ("Variant(String, UInt64)", "1::UInt64", "'x'"),
    ("Dynamic", "'a'", "42"),
    ("JSON", """'{"a": 1, "b": {"c": "x"}}'""", "'{}'"),
    ("SimpleAggregateFunction(sum, UInt64)", "1", "2"),
]
BREAKS_OFF = "SELECT sipHash64(number), throwIf(number = 400000) FROM numbers(500000)"  # the first megabyte is sent


class Client:
    """One of them, with a database."""

    def __init__(self, kind: Kind, programs: Programs, server: EmbeddedClickHouse, database: str) -> None:
        self.kind = kind
        self._program = programs.of(kind.program)
        self._where = {"address": f"{server.host}:{server.port}", "database": database, **kind.options}
        self._users = {"default": server.password, "readonly": server.readonly_password}

    async def ask(self, op: str, user: str = "default", **request: object) -> Rows:
        """Do one thing; the rows of its answer."""
        who = {"user": user, "password": self._users[user]}
        answer = await asyncio.to_thread(self._program.ask, op=op, **who, **self._where, **request)
        return [tuple(row) for row in answer["rows"] or []]

    async def command(self, sql: str) -> None:
        """Run a statement."""
        await self.ask("command", sql=sql)

    async def rows(self, sql: str) -> Rows:
        """Run a query."""
        return await self.ask("rows", sql=sql)

    async def insert(self, table: str, rows: Rows) -> None:
        """Insert."""
        await self.ask("insert", table=table, rows=rows, columns=len(rows[0]))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    programs = Programs(tmp_path_factory.mktemp("programs"))
    yield programs
    programs.close()


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
async def client(
    request: pytest.FixtureRequest, clickhouse: EmbeddedClickHouse, programs: Programs
) -> AsyncIterator[Client]:
    with clickhouse.fresh_database() as database:
        yield Client(request.param, programs, clickhouse, database)


async def test_every_common_type_is_read_and_written(client: Client, clickhouse: EmbeddedClickHouse) -> None:
    database = str(client._where["database"])
    types = [entry for entry in TYPES if entry[0] not in client.kind.lacks]
    columns = ", ".join(f"c{number} {kind}" for number, (kind, _, _) in enumerate(types))
    for table in ("given", "taken"):
        made = ask(clickhouse, f"CREATE TABLE {table} (i UInt8, {columns}) ENGINE = Memory", database=database)
        assert made.status == 200, made.text
    rows = [", ".join([str(row), *(values[row] for _, *values in types)]) for row in (0, 1)]
    filled = ask(clickhouse, f"INSERT INTO given VALUES ({rows[0]}), ({rows[1]})", database=database)
    assert filled.status == 200, filled.text
    await client.ask("copy", sql="SELECT * FROM given ORDER BY i", table="taken", columns=len(types) + 1)
    seen = [
        ask(clickhouse, f"SELECT * FROM {table} ORDER BY i FORMAT JSONCompactColumns", database=database).text
        for table in ("given", "taken")
    ]
    for number, (given, taken) in enumerate(zip(*(text.splitlines() for text in seen), strict=True)):
        assert taken == given, types[max(number - 2, 0)][0]  # a line of brackets and `i` stand before


async def test_a_failure_in_the_middle_of_an_answer_is_seen(client: Client) -> None:
    with pytest.raises(ClientError):
        await client.ask("count", sql=BREAKS_OFF)
    assert await client.rows("SELECT 1") == [(1,)], "and the client goes on"


async def test_an_answer_of_many_blocks_is_whole(client: Client) -> None:
    sql = "SELECT number, toString(sipHash64(number)) FROM numbers(200000) SETTINGS max_block_size = 999"
    assert await client.ask("count", sql=sql) == [(200_000,)]


async def test_statements_that_are_no_queries_answer(client: Client) -> None:
    await client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
    assert await client.rows("SHOW TABLES") == [("t",)]
    assert (await client.rows("DESCRIBE TABLE t"))[0][:2] == ("a", "Int64")
    assert await client.rows("EXISTS TABLE t") == [(1,)]


async def test_readonly_reads_and_does_not_write(client: Client) -> None:
    await client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
    assert await client.ask("rows", "readonly", sql="SELECT count() FROM t") == [(0,)]
    with pytest.raises(ClientError):  # some clickhouse-go lose the words of a statement's failure
        await client.ask("command", "readonly", sql="DROP TABLE t")
    assert await client.rows("SHOW TABLES") == [("t",)]
