"""What clickhouse-connect can do with a server, done with the embedded one."""

import asyncio
import gzip
import io
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import clickhouse_connect
import pandas
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, ProgrammingError
from clickhouse_connect.driver.external import ExternalData

from tests.support.embedded import EmbeddedClickHouse


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture
def client(server: EmbeddedClickHouse) -> Iterator[Any]:
    with server.fresh_database() as database, clickhouse_connect.get_client(dsn=server.dsn(database)) as client:
        yield client


TYPES: list[tuple[str, list[Any]]] = [
    ("Int8", [-128, 127]),
    ("UInt64", [0, 2**64 - 1]),
    ("Int256", [-(2**255), 2**255 - 1]),
    ("Float64", [0.5, -1e300]),
    ("Decimal(38, 9)", [Decimal("12345678901234567890.123456789"), Decimal("-1")]),
    ("String", ["", "мир\0\t\n'"]),
    ("FixedString(4)", [b"abcd", b"\0\xff\0\xff"]),
    ("Bool", [True, False]),
    ("UUID", [uuid.UUID(int=0), uuid.uuid4()]),
    ("Date", [date(1970, 1, 1), date(2100, 2, 28)]),
    ("DateTime('UTC')", [datetime(2026, 1, 2, 3, 4, 5)]),
    ("DateTime64(6, 'UTC')", [datetime(2026, 1, 2, 3, 4, 5, 678901)]),
    ("IPv4", [IPv4Address("127.0.0.1")]),
    ("IPv6", [IPv6Address("::1")]),
    ("Enum8('a' = 1, 'b' = 2)", ["a", "b"]),
    ("LowCardinality(String)", ["x", "y", "x"]),
    ("Nullable(Int32)", [None, 5]),
    ("Array(Array(String))", [[["a"], []], []]),
    ("Map(LowCardinality(String), String)", [{"k": "v"}, {}]),
    ("Tuple(a Int8, b String)", [{"a": 1, "b": "x"}]),
]


@pytest.mark.parametrize(("kind", "values"), TYPES, ids=[kind for kind, _ in TYPES])
def test_a_type_survives_the_round_trip(client: Any, kind: str, values: list[Any]) -> None:
    client.command(f"CREATE TABLE t (i UInt32, v {kind}) ENGINE = MergeTree ORDER BY i")
    client.insert("t", list(enumerate(values)))
    column = client.query("SELECT v FROM t ORDER BY i", column_oriented=True).result_columns[0]
    assert [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in column] == values


@pytest.mark.parametrize("form", [False, True], ids=["in the address", "as a form"])
def test_parameters(server: EmbeddedClickHouse, form: bool) -> None:
    given = {
        "i": -5,
        "s": "it's a\ttab\\ \n новая",
        "l": ["a'b", "c"],
        "n": None,
        "d": datetime(2026, 1, 2, tzinfo=UTC),
    }
    sql = "SELECT {i:Int64}, {s:String}, {l:Array(String)}, {n:Nullable(String)}, {d:DateTime('UTC')}"
    with clickhouse_connect.get_client(dsn=server.dsn("default"), form_encode_query_params=form) as client:
        row = client.query(sql, parameters=given).first_row
    assert row is not None
    assert row[:4] == (-5, given["s"], given["l"], None)
    assert row[4].replace(tzinfo=UTC) == given["d"]


def test_a_missing_parameter_is_named(client: Any) -> None:
    with pytest.raises(DatabaseError, match="Substitution `gone` is not set"):
        client.query("SELECT {gone:String}")


def test_a_parameter_as_table_name(client: Any) -> None:
    client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
    assert client.query("SELECT count() FROM {table:Identifier}", parameters={"table": "t"}).first_row == (0,)


def test_inserts_of_every_kind(client: Any) -> None:
    client.command("CREATE TABLE t (a Int64, s String DEFAULT 'none') ENGINE = MergeTree ORDER BY a")
    assert client.command("INSERT INTO t (a) VALUES (1), (2);").written_rows == 2
    client.command("INSERT INTO t VALUES (3, concat('a;', 'b')), (4, 'x;y')")
    client.command("INSERT INTO t SELECT number, 'n' FROM numbers(5, 2)")
    client.command("INSERT INTO t VALUES ({a:Int64}, {s:String})", parameters={"a": 7, "s": "given;"})
    client.command("INSERT INTO t FORMAT JSONEachRow", data='{"a": 8, "s": "\\n"}\n{"a": 9}')
    assert client.raw_insert("t", ["a", "s"], "10\tten\n11\televen\n", fmt="TSV").written_rows == 2
    client.raw_insert("t", insert_block=gzip.compress(b"12,twelve\n"), fmt="CSV", compression="gzip")
    client.raw_insert("t", insert_block=io.BytesIO(b"13,x\n14,y\n"), fmt="CSV")
    client.insert_df("t", pandas.DataFrame({"a": [15], "s": ["frame"]}))
    client.raw_insert("t", insert_block=b"", fmt="TSV")
    client.command("INSERT INTO t VALUES (16, 'a file ‘for’ $5;')")
    rows = client.query("SELECT a, s FROM t ORDER BY a").result_rows
    assert [a for a, _ in rows] == list(range(1, 17))
    assert dict(rows) | {
        1: "none",
        3: "a;b",
        4: "x;y",
        7: "given;",
        8: "\n",
        9: "none",
        15: "frame",
        16: "a file ‘for’ $5;",
    } == dict(rows)


def test_several_values_with_an_extra_statement_are_refused(client: Any) -> None:
    client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(DatabaseError):
        client.command("INSERT INTO t VALUES (1); DROP TABLE t")
    with pytest.raises(DatabaseError, match="Multi-statements"):
        client.command("INSERT INTO t VALUES ({a:Int64}); DROP TABLE t", parameters={"a": 1})
    assert client.query("SELECT count() FROM t").first_row == (0,)


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_answers_and_inserts_in_each_coding(server: EmbeddedClickHouse, compress: Any) -> None:
    with (
        server.fresh_database() as database,
        clickhouse_connect.get_client(dsn=server.dsn(database), compress=compress) as client,
    ):
        client.command("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
        client.insert("t", [(i, str(i) * 10) for i in range(50_000)])
        assert client.query("SELECT count(), sum(a) FROM t").first_row == (50_000, 1_249_975_000)
        rows = client.query("SELECT a, s FROM t ORDER BY a").result_rows
        assert rows[49_999] == (49_999, "49999" * 10)
        with client.query_row_block_stream("SELECT a FROM t ORDER BY a") as stream:
            assert sum(len(block) for block in stream) == 50_000


def test_answers_in_many_shapes(client: Any) -> None:
    assert client.query_np("SELECT number FROM numbers(3)").tolist() == [[0], [1], [2]]
    assert client.query_df("SELECT number AS n FROM numbers(3)")["n"].sum() == 3
    assert client.query_arrow("SELECT number AS n FROM numbers(3)").num_rows == 3
    assert client.raw_query("SELECT 1 AS a, 'x' AS b", fmt="CSVWithNames") == b'"a","b"\n1,"x"\n'
    assert client.raw_query("SELECT 1 AS a WHERE 0", fmt="CSVWithNames") == b'"a"\n'
    assert b"".join(client.raw_stream("SELECT number FROM numbers(2)", fmt="TSV")) == b"0\n1\n"
    assert client.query("SELECT number AS n, 'x' AS s FROM numbers(3) LIMIT 0").column_names == ("n", "s")
    assert client.command("SELECT 1 WHERE 0") == ""
    assert client.command("EXISTS TABLE nothing") == 0
    assert "CREATE DATABASE" in client.command("SHOW CREATE DATABASE default")
    assert client.query("DESCRIBE TABLE system.one").first_row[:2] == ("dummy", "UInt8")
    assert client.query("SELECT 1 UNION ALL SELECT 2").row_count == 2
    assert client.query("(SELECT 1) -- a comment; here\n;").first_row == (1,)
    assert client.query("SHOW PROCESSLIST").row_count >= 1


def test_external_data(client: Any) -> None:
    people = ExternalData(file_name="people.csv", data=b"1,Ann\n2,Bob\n", fmt="CSV", structure="id Int64, name String")
    people.add_file(file_name="marks.tsv", data=b"2\n", fmt="TSV", types="Int64")
    sql = "SELECT name FROM people JOIN marks ON id = _1 WHERE id > {least:Int64}"
    assert client.query(sql, external_data=people, parameters={"least": 0}).result_rows == [("Bob",)]


def test_external_data_can_not_smuggle_statements(client: Any) -> None:
    data = ExternalData(file_name="x.csv", data=b"1\n", fmt="CSV", structure="a Int8) AS SELECT 1; DROP TABLE t --")
    with pytest.raises(DatabaseError, match="not a list of columns"):
        client.query("SELECT * FROM x", external_data=data)


def test_a_session_keeps_tables_and_settings(server: EmbeddedClickHouse) -> None:
    name = uuid.uuid4().hex
    with clickhouse_connect.get_client(dsn=server.dsn("default"), session_id=name) as client:
        client.command("CREATE TEMPORARY TABLE basket (a Int64)")
        client.insert("basket", [[1], [2]], column_names=["a"], column_type_names=["Int64"])
        client.command("SET max_threads = 3")
        asked = "SELECT getSetting('max_threads'), getSetting('max_block_size')"
        assert client.query(asked, settings={"max_block_size": 1000}).first_row == (3, 1000)
        assert client.query(asked).result_rows[0][1] != 1000
        assert client.query("SELECT sum(a) FROM basket").first_row == (3,)
    with clickhouse_connect.get_client(dsn=server.dsn("default"), session_id=uuid.uuid4().hex) as other:
        with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
            other.query("SELECT * FROM basket")
        assert other.query("SELECT getSetting('max_threads')").first_row != (3,)


def test_settings_reach_the_query_and_no_other(client: Any) -> None:
    sql = "SELECT getSetting('max_result_rows')"
    assert client.query(sql, settings={"max_result_rows": 77}).first_row == (77,)
    assert client.query(sql).first_row == (0,)
    with pytest.raises(DatabaseError, match="UNKNOWN_SETTING"):
        client.query(sql, settings={"no_such_setting": 1})
    with pytest.raises(DatabaseError, match="additional_table_filters is readonly"):  # SQL in a setting
        client.query("SELECT 1", settings={"additional_table_filters": {"system.one": "dummy = 0"}})


async def test_the_async_client_does_it_all_at_once(server: EmbeddedClickHouse) -> None:
    with server.fresh_database() as database:
        async with await clickhouse_connect.get_async_client(dsn=server.dsn(database)) as client:
            await client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
            await asyncio.gather(*(client.insert("t", [[i]], column_names=["a"]) for i in range(40)))
            answers = await asyncio.gather(*(client.query("SELECT sum(a) FROM t") for _ in range(40)))
            assert {answer.first_row for answer in answers} == {(780,)}
            async with await client.query_row_block_stream("SELECT number FROM numbers(200000)") as stream:
                assert sum([len(block) async for block in stream]) == 200_000
            with pytest.raises(DatabaseError, match="SYNTAX_ERROR"):
                await client.query("SELEC 1")


def test_an_error_in_the_middle_of_an_answer_is_seen(client: Any) -> None:
    sql = "SELECT throwIf(number = 4000000) FROM numbers(5000000)"
    with pytest.raises((DatabaseError, ProgrammingError), match="FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"):
        client.query(sql)
    with pytest.raises(Exception, match=r"FUNCTION_THROW_IF|throwIf"), client.query_row_block_stream(sql) as stream:
        for _ in stream:
            pass
