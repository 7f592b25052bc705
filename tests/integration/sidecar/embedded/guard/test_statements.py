"""What runs of a client's statement: judged on the engine's own parse tree by lists that know all that the engine lists."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.embedded.sql import identifier, literal
from tests.support.embedded import EmbeddedClickHouse, Reply, ask
from tests.support.embedded_guard import DENIED, of, server_with_a_table


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with server_with_a_table(tmp_path_factory.mktemp("embedded")) as server:
        yield server


# Nothing that a client names becomes a part of a statement.


@pytest.mark.parametrize("user", ["readonly", "default"])
@pytest.mark.parametrize("name", ["TSV; SELECT 2", "TSV SETTINGS max_threads = 1", "TSV\n", "'TSV'", "`TSV`", "no", ""])
def test_a_format_is_a_name_of_the_engines_list(server: EmbeddedClickHouse, user: str, name: str) -> None:
    expected = (73, 404) if name else (0, 200)
    reply = of(server, "SELECT 1 AS a", user, default_format=name)
    assert (reply.code, reply.status) == expected
    if "\n" not in name:
        reply = ask(server, "SELECT 1 AS a", user=user, headers={"X-ClickHouse-Format": name})
        assert (reply.code, reply.status) == expected


def test_a_format_in_any_case_is_the_engines(server: EmbeddedClickHouse) -> None:
    reply = of(server, "SELECT 1 AS a FORMAT jsoneachrow")
    assert (reply.text, reply.headers["X-ClickHouse-Format"]) == ('{"a":1}\n', "JSONEachRow")
    assert of(server, "SELECT 1 AS a", default_format="json").headers["X-ClickHouse-Format"] == "JSON"


def external(server: EmbeddedClickHouse, user: str, **about: str) -> Reply:
    part = '--x\r\nContent-Disposition: form-data; name="e"; filename="e"\r\n\r\n1\r\n--x--\r\n'
    query = {"query": "SELECT * FROM e", **{f"e_{name}": value for name, value in about.items()}}
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    return ask(server, part, query, user=user, headers=headers)


@pytest.mark.parametrize("user", ["readonly", "default"])
@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"structure": "a UInt8"}, 0),
        ({"structure": "`a b` Nullable(UInt8) -- a comment"}, 0),
        ({"types": "UInt8"}, 0),
        ({"types": "Nullable(UInt8)"}, 0),
        ({"structure": "a UInt8", "format": "csv"}, 0),
        ({"structure": "a UInt8) ENGINE = Log -- "}, 36),
        ({"structure": "a UInt8) AS SELECT (1"}, 36),
        ({"structure": "a UInt8 DEFAULT 1"}, 36),
        ({"structure": "a UInt8 CODEC(NONE)"}, 36),
        ({"structure": "a UInt8, INDEX i a TYPE minmax"}, 36),
        ({"structure": "a UInt8, CONSTRAINT c CHECK a"}, 36),
        ({"structure": ""}, 36),
        ({"structure": "a NoSuchType"}, 50),
        ({"types": "UInt8), d Tuple(UInt8"}, 36),
        ({"types": "a UInt8"}, 36),
        ({"structure": "a UInt8", "format": "TSV; SELECT 1"}, 73),
    ],
)
def test_an_external_table_has_columns_with_types(
    server: EmbeddedClickHouse, user: str, about: dict[str, str], code: int
) -> None:
    reply = external(server, user, **about)
    assert (reply.code, reply.text if not code else "1\n") == (code, "1\n")


def test_an_external_table_may_have_any_name(server: EmbeddedClickHouse) -> None:
    for name in ("e`; SELECT 1", 'e" (a', "e e", "ё"):
        disposition = f'form-data; name="{urllib.parse.quote(name)}"; filename="e"'
        part = f"--x\r\nContent-Disposition: {disposition}\r\n\r\n1\r\n--x--\r\n"
        name_there = urllib.parse.quote(name)
        sql = f"SELECT * FROM {identifier(name_there)}"
        query = {"query": sql, f"{name_there}_structure": "a UInt8"}
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        assert ask(server, part, query, headers=headers).text == "1\n"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20))
def test_the_engine_reads_what_was_quoted(server: EmbeddedClickHouse, text: str) -> None:
    reply = of(server, f"SELECT {literal(text)} AS {identifier(text)} FORMAT JSONCompactEachRowWithNames")
    rows = reply.text.removesuffix("\n").split("\n")
    assert reply.status == 200, reply.text
    assert [json.loads(row) for row in rows] == [[text], [text]]


@pytest.mark.parametrize("user", ["readonly", "default"])
@pytest.mark.parametrize(
    "sql", ["SELECT 1; SELECT 2", "SELECT 1;\n;SELECT 2", "SHOW TABLES; SELECT 1", "DESCRIBE t; SELECT 1"]
)
def test_one_statement_runs(server: EmbeddedClickHouse, user: str, sql: str) -> None:
    reply = of(server, sql, user)
    assert (reply.code, reply.status) == (62, 400)
    assert "parseQuery" not in reply.text


@pytest.mark.parametrize("sql", ["SELECT 1;", "SELECT 1 ; ; -- the end", "/* 1 */ SELECT 1 /* ; */;\n"])
def test_a_semicolon_at_the_end_is_none_too_many(server: EmbeddedClickHouse, sql: str) -> None:
    assert of(server, sql).text == "1\n"


# What runs is what was written.


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("SELECT 'a\\'b''c\\n', $x$it's$x$, \"one\" FROM (SELECT 1 AS `one`)", "a\\'b\\'c\\n\tit\\'s\t1\n"),
        ("SELECT '\\xff\\0' = unhex('ff00'), length('ё😀')", "1\t6\n"),
        ("SELECT 1e300, -0.5, 18446744073709551615, 0.1 + 0.2 > 0.3", "1e300\t-0.5\t18446744073709551615\t1\n"),
        ("SELECT -9223372036854775808", "-9223372036854775808\n"),
        ("SELECT 0.1::Decimal(38, 30), '2020-01-01'::Date + INTERVAL 1 MONTH", "0.1\t2020-02-01\n"),
        ("SELECT {a:Array(String)}[1], {b:Nullable(Int8)}", "x\t\\N\n"),
        ("SELECT arrayFold((s, x) -> s + x, [1, 2], toUInt64(0)), arrayMap((a, b) -> a - b, [3], [1])", "3\t[2]\n"),
        ("WITH (x -> x * 2) AS twice, 3 AS y SELECT twice(y)", "6\n"),
        ("SELECT CASE 2 WHEN 1 THEN 'a' ELSE 'b' END, 1 ? 'c' : 'd', 5 DIV 2, 'a' || 'b'", "b\tc\t2\tab\n"),
        ("SELECT sumIf(n, n > 1), uniqMerge(s) FROM (SELECT number AS n, uniqState(n) AS s FROM numbers(4) GROUP BY 1)", "5\t4\n"),
        ("SELECT * EXCEPT(b) REPLACE(a + 1 AS a) APPLY(toString) FROM (SELECT 1 AS a, 2 AS b)", "2\n"),
        ("SELECT count() FROM numbers(9) AS n ANY LEFT JOIN numbers(2) AS m USING number WHERE number NOT IN (3)", "8\n"),
        ("SELECT number FROM numbers(5) ORDER BY number DESC LIMIT 1 OFFSET 1 SETTINGS max_threads = 1", "3\n"),
        ("SELECT a FROM values('a UInt8, b String', (1, 'x'), (2, 'y')) WHERE b = 'y'", "2\n"),
        ("SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY a) AS r FROM (SELECT number AS a FROM numbers(2)))", "2\n"),
        ("SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 1", "2\n"),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT max(n) FROM r", "3\n"),
        ("SELECT * FROM (EXPLAIN AST SELECT 1) LIMIT 1", "SelectWithUnionQuery (children 1)\n"),
        ("FROM numbers(2) SELECT max(number) QUALIFY 1", "1\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("user", ["readonly", "default"])
def test_a_statement_keeps_its_meaning(server: EmbeddedClickHouse, user: str, sql: str, answer: str) -> None:
    assert of(server, sql, user, param_a="['x']", param_b="\\N").text == answer
    assert (
        of(server, f"{sql}\n-- to the end", user, param_a="['x']", param_b="\\N", wait_end_of_query="1").text == answer
    )


@pytest.mark.parametrize(
    ("sql", "starts"),
    [
        ("DESCRIBE TABLE t", "a\tUInt64"),
        ("DESC (SELECT 1 AS b) FORMAT JSONEachRow", '{"name":"b"'),
        ("EXISTS TABLE t", "1\n"),
        ("EXISTS chattrail.nothing", "0\n"),
        ("SHOW CREATE TABLE chattrail.t", "CREATE TABLE chattrail.t"),
        ("SHOW TABLES LIKE 't'", "t\n"),
        ("SHOW DATABASES", "INFORMATION_SCHEMA\n"),
        ("SHOW COLUMNS FROM t", "a\tUInt64"),
        ("SHOW FUNCTIONS LIKE 'plus'", "plus\t"),
        ("SHOW SETTING max_threads", ""),
        ("SHOW ENGINES", ""),
        ("EXPLAIN SYNTAX SELECT 1", "SELECT 1"),
        ("EXPLAIN indexes = 1 SELECT * FROM t", ""),
        ("EXPLAIN PIPELINE SELECT 1", "("),
    ],
)
@pytest.mark.parametrize("user", ["readonly", "default"])
def test_statements_without_a_tree_of_their_own_run(
    server: EmbeddedClickHouse, user: str, sql: str, starts: str
) -> None:
    reply = of(server, sql, user)
    assert (reply.status, reply.text[: len(starts)]) == (200, starts), reply.text


def test_what_such_statements_hold_is_looked_at(server: EmbeddedClickHouse) -> None:
    for sql in ("DESCRIBE TABLE url('http://127.0.0.1/', 'TSV')", "DESCRIBE (SELECT getOSKernelVersion())"):
        assert of(server, sql).code == DENIED
    for sql in ("SHOW USERS", "CHECK GRANT SELECT ON *.*", "SHOW ACCESS"):
        reply = of(server, sql)
        assert reply.code == DENIED
        assert "closed" in reply.text
