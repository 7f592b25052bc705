"""Answers in the format Native at a client's revision, byte by byte, against those at revision 0.

Of one column the end is the block's, so what a server writes at a revision follows from the answer at revision 0.
"""

import itertools
import json

import pytest

from tests.support.embedded import EmbeddedClickHouse, Reply, ask

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
VALUES = [
    "1", "-1.5", "'мир'", "toFixedString('ab', 4)", "true", "toDate('2026-01-02')", "toDateTime64(1.5, 3, 'Asia/Tokyo')",
    "toIPv6('::1')", "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", "toDecimal256('1.25', 9)", "NULL",
    "CAST('a,(', 'Enum8(\\'a,(\\' = 1, \\'`\\' = 2)')", "toLowCardinality('x')", "[[1], []]", "map('k', [1, NULL])",
    "CAST(tuple(1, 'x'), 'Tuple(`a b` Int8, c String)')", "[(1, 'x')]::Nested(a Int8, b String)",
    "CAST(1::UInt64, 'Variant(String, UInt64)')", "'a'::Dynamic", "'{\"a\": {\"b\": [1, null]}}'::JSON",
    "sumState(1)", "uniqState('x')", "quantilesTDigestState(0.5)(1.5)", "groupArrayState('x')",
    "(1.5, 2.5)::Point", "toIntervalDay(3)", "1.5::BFloat16", "'12:00:00'::Time",
]  # fmt: skip
STATEMENTS = [
    "WITH 5 AS x SELECT x, x + 1",
    "FROM numbers(3) SELECT number",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT 1 INTERSECT SELECT 1",
    "SELECT 1, 1",
    "SELECT a.number, b.number, * FROM numbers(3) a JOIN numbers(3) b USING number",
    "SELECT toDateTime64(1.5, (SELECT max(number) FROM numbers(4))) AS t -- its type hangs on a scalar",
    "SELECT number FROM numbers(10) SETTINGS max_block_size = 3",
    "SELECT number, toString(number) FROM numbers(200000)",
    "SELECT number FROM numbers(3) GROUP BY number WITH TOTALS ORDER BY number",
    "SHOW DATABASES",
    "EXPLAIN SELECT 1",
    "DESCRIBE TABLE system.one",
    "EXISTS TABLE system.one",
    "SHOW CREATE DATABASE system",
    "SELECT * FROM system.tables WHERE name = 'one'",
]


def native(server: EmbeddedClickHouse, sql: str, revision: str = "", **query: str) -> Reply:
    if revision:
        query["client_protocol_version"] = revision
    return ask(server, sql, {"default_format": "Native", **query})


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def of_one_column(body: bytes, mark: bytes) -> bytes:
    """An answer of one block and one column, at a revision above 0."""
    assert body[0] == 1
    _, at = varint(body, 1)
    for _ in ("name", "type"):
        size, at = varint(body, at)
        at += size
    return BLOCK_INFO + body[:at] + mark + body[at:]


@pytest.mark.parametrize(("revision", "mark"), [("54405", b""), ("54453", b""), ("54454", b"\0"), ("54460", b"\0")])
def test_each_type_at_a_revision(clickhouse: EmbeddedClickHouse, revision: str, mark: bytes) -> None:
    for value in VALUES:
        sql = f"SELECT {value} AS v"
        plain, seen = native(clickhouse, sql), native(clickhouse, sql, revision)
        assert (plain.status, seen.status) == (200, 200), f"{plain.text} {seen.text}"
        assert seen.body == of_one_column(plain.body, mark), value


def test_columns_stand_one_behind_another(clickhouse: EmbeddedClickHouse) -> None:
    names = ["a", "имя", "x" * 200, *(f"c{number}" for number in range(3, len(VALUES)))]
    columns = [f"{value} AS `{name}`" for name, value in zip(names, VALUES, strict=True)]
    whole = native(clickhouse, f"SELECT {', '.join(columns)}", "54460").body
    start = len(BLOCK_INFO) + 2
    single = [native(clickhouse, f"SELECT {column}", "54460").body[start:] for column in columns]
    assert whole == BLOCK_INFO + bytes([len(columns), 1]) + b"".join(single)


def test_a_state_says_its_version(clickhouse: EmbeddedClickHouse) -> None:
    assert b"AggregateFunction(1, sumMap" in native(clickhouse, "SELECT sumMapState([1], [2])", "54460").body


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_statement_has_the_same_rows_at_a_revision(clickhouse: EmbeddedClickHouse, sql: str) -> None:
    plain, seen = native(clickhouse, sql), native(clickhouse, sql, "54453")
    assert (plain.status, seen.status) == (200, 200), f"{plain.text} {seen.text}"
    assert seen.headers["X-ClickHouse-Format"] == "Native"
    assert seen.body.startswith(BLOCK_INFO)
    assert seen.body.replace(BLOCK_INFO, b"") == plain.body


def test_parameters_sessions_and_external_names(clickhouse: EmbeddedClickHouse) -> None:
    session = {"session_id": "native"}
    assert native(clickhouse, "CREATE TEMPORARY TABLE mine AS SELECT 7 AS a", "54460", **session).body == b""
    given = {"param_t": "mine", "param_n": "3"}
    seen = native(clickhouse, "SELECT a + {n:UInt8} AS s FROM {t:Identifier}", "54460", **session, **given)
    assert seen.body == BLOCK_INFO + b"\x01\x01\x01s\x06UInt16\x00\x0a\x00"


@pytest.mark.parametrize("tail", ["", " FORMAT Native", " FORMAT Native SETTINGS max_threads = 1", "\n-- FORMAT CSV"])
def test_wherever_the_format_is_named(clickhouse: EmbeddedClickHouse, tail: str) -> None:
    seen = native(clickhouse, f"SELECT 1 AS a{tail}", "54460")
    assert seen.body == BLOCK_INFO + b"\x01\x01\x01a\x05UInt8\x00\x01"


def test_other_formats_know_no_revision(clickhouse: EmbeddedClickHouse) -> None:
    assert native(clickhouse, "SELECT 1 FORMAT CSV", "54460").body == b"1\n"
    assert native(clickhouse, "SELECT 1", "54460", default_format="TSV").body == b"1\n"


def test_no_rows_are_no_bytes(clickhouse: EmbeddedClickHouse) -> None:
    assert native(clickhouse, "SELECT 1 WHERE 0", "54460").body == b""
    assert native(clickhouse, "SHOW TABLES FROM INFORMATION_SCHEMA LIKE 'none'", "54460").body == b""


def test_what_cant_be_written_is_refused_by_name(clickhouse: EmbeddedClickHouse) -> None:
    for value, revision in itertools.product(("1", "'x'::Enum8('JSON' = 1, 'x' = 2)"), ("54473", "54483", "99999")):
        assert native(clickhouse, f"SELECT {value}", revision).status == 200
    for value in ("'{}'::JSON", "1::Dynamic", "['{}'::JSON(max_dynamic_paths = 1)]", "map('a', 1::Dynamic)"):
        assert native(clickhouse, f"SELECT {value} AS it", "54472").status == 200
        refused = native(clickhouse, f"SELECT 1, {value} AS it", "54473")
        assert (refused.status, refused.code) == (501, 48)
        assert "Column it: JSON and Dynamic" in refused.text
    old = native(clickhouse, "SELECT 1", "54404")
    assert (old.status, old.code) == (501, 48)
    assert "54405" in old.text
    for nonsense in ("x", "-1", "1.5", "٣", "9" * 30):
        refused = native(clickhouse, "SELECT 1", nonsense)
        assert (refused.status, refused.code) == (400, 36)
        assert "client_protocol_version" in refused.text


def test_an_error_is_the_same_at_a_revision(clickhouse: EmbeddedClickHouse) -> None:
    for sql in ("SELECT * FROM nothing", "SELECT throwIf(1)", "SELECT", "SHOW TABLES FROM nothing", "SELECT {a:Int8}"):
        plain, seen = native(clickhouse, sql), native(clickhouse, sql, "54460")
        assert (seen.status, seen.code) == (plain.status, plain.code)


def test_what_a_client_sets_does_not_change_the_description(clickhouse: EmbeddedClickHouse) -> None:
    sql = "SELECT CAST(tuple(1, 2), 'Tuple(a UInt8, b UInt8)') AS t"
    odd = {"describe_include_subcolumns": "1", "describe_compact_output": "0", "print_pretty_type_names": "1"}
    assert native(clickhouse, sql, "54460", **odd).body == native(clickhouse, sql, "54460").body


def test_the_summary_counts_the_query_alone(clickhouse: EmbeddedClickHouse) -> None:
    sql = "SELECT count() FROM numbers(1000) WHERE number < (SELECT max(number) FROM numbers(5000))"
    counted = [json.loads(native(clickhouse, sql, at).headers["X-ClickHouse-Summary"]) for at in ("", "54460")]
    assert counted[0]["read_rows"] == counted[1]["read_rows"]


def test_only_a_scalar_subquery_runs_twice_at_a_revision(clickhouse: EmbeddedClickHouse) -> None:
    """Its value may be a part of a type, so DESCRIBE evaluates it."""
    counters = (
        "SELECT value FROM system.events WHERE event IN ('ScalarSubqueriesCacheMiss', 'SelectedRows') ORDER BY event"
    )

    def counted(sql: str, revision: str) -> tuple[int, int]:
        before = list(map(int, ask(clickhouse, counters).text.split())) or [0, 0]
        assert native(clickhouse, sql, revision).status == 200
        scalars, rows = map(int, ask(clickhouse, counters).text.split())
        return scalars - before[0], round((rows - before[1]) / 1_000_000)  # a few are the engine's own

    scalar = "SELECT (SELECT sum(number) FROM numbers(1000000)) AS a"
    assert [counted(scalar, at) for at in ("", "54460")] == [(1, 1), (2, 2)]
    for sql in (
        "SELECT sum(number) FROM numbers(1000000)",
        "SELECT 1 WHERE 1 IN (SELECT number FROM numbers(1000000))",
    ):
        assert [counted(sql, at) for at in ("", "54460")] == [(0, 1), (0, 1)]


@pytest.mark.parametrize(
    "sql", ["SELECT number, 'x' FROM numbers(10)", "SHOW DATABASES", "DESCRIBE TABLE system.tables"]
)
@pytest.mark.parametrize("user", ["default", "readonly"])
def test_settings_of_a_result_apply_once(clickhouse: EmbeddedClickHouse, user: str, sql: str) -> None:
    for given in (
        {"limit": "2"},
        {"offset": "2"},
        {"limit": "2", "offset": "1"},
        {"extremes": "1"},
    ):
        plain = ask(clickhouse, sql, given, user=user, default_format="Native")
        seen = ask(clickhouse, sql, given, user=user, default_format="Native", client_protocol_version="54453")
        assert (plain.status, seen.status) == (200, 200), f"{plain.text} {seen.text}"
        assert seen.body.replace(BLOCK_INFO, b"") == plain.body, given
