"""What runs of a client's statement: judged on the engine's own parse tree by lists that know all that the engine lists."""

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.embedded.guard import names
from sidecar.embedded.guard.settings import (
    ALLOWED_TEXTS,
    CLOSED,
    DOOR_TYPES,
    DOORS,
    FIXED,
    REFUSED_TEXTS,
    SCHEMA,
    TABLE_DOORS,
    TABLE_TEXTS,
    TEXTS,
)
from sidecar.embedded.sql import identifier, literal
from tests.embedded import EmbeddedClickHouse, Reply, ask

DENIED = 497


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded")) as server:
        ask(server, "CREATE TABLE chattrail.t (a UInt64, s String, d DateTime, n Nullable(Int8)) ENGINE = Memory")
        yield server


def listed(server: EmbeddedClickHouse, sql: str) -> set[str]:
    return set(ask(server, sql).text.split())


def of(server: EmbeddedClickHouse, sql: str, user: str = "default", **query: str) -> Reply:
    return ask(server, sql, user=user, database="chattrail", **query)


# The lists: whoever takes a newer engine finds here what nobody has judged yet.


def test_every_function_is_allowed_or_refused(server: EmbeddedClickHouse) -> None:
    refused = frozenset[str]().union(*names.REFUSED.values())
    of_refused = listed(server, "SELECT concat(name, '=', alias_to) FROM system.functions WHERE alias_to != ''")
    aliases = {pair.split("=")[0] for pair in of_refused if pair.split("=")[1] in refused}
    engine = listed(server, "SELECT name FROM system.functions WHERE origin = 'System'")
    assert engine == ((names.functions() | refused | aliases) & engine)
    assert not names.functions() & (refused | aliases)
    assert (names.functions() - names.SYNTAX) | refused <= engine


def test_every_system_table_is_shown_or_hidden(server: EmbeddedClickHouse) -> None:
    engine = listed(server, "SELECT name FROM system.tables WHERE database = 'system'")
    assert engine == names.SHOWN_TABLES | names.HIDDEN_TABLES
    assert not names.SHOWN_TABLES & names.HIDDEN_TABLES


def test_every_setting_is_judged(server: EmbeddedClickHouse) -> None:
    types = listed(server, "SELECT DISTINCT type FROM system.settings WHERE NOT is_obsolete")
    assert types == (TEXTS | FIXED | DOOR_TYPES) & types
    texts = listed(
        server, "SELECT name FROM system.settings WHERE type IN ('String', 'Map', 'URI') AND NOT is_obsolete"
    )
    assert texts == ALLOWED_TEXTS | REFUSED_TEXTS | SCHEMA
    assert not ALLOWED_TEXTS & REFUSED_TEXTS
    assert listed(server, "SELECT name FROM system.settings") >= DOORS
    of_tables = listed(server, "SELECT name FROM system.merge_tree_settings WHERE type = 'String'")
    assert of_tables - TABLE_TEXTS - TABLE_DOORS == {
        "cache_populated_by_fetch_filename_regexp",
        "merge_workload",
        "mutation_workload",
        "remote_fs_zero_copy_zookeeper_path",
    }


def test_the_engine_holds_closed_settings_fixed_too(server: EmbeddedClickHouse) -> None:
    for user in ("default", "readonly"):
        reply = ask(server, "SELECT name FROM system.settings WHERE readonly", user=user)
        assert CLOSED - set(reply.text.split()) == {"database", "default_format"}


def test_allowed_names_are_the_engines_own(server: EmbeddedClickHouse) -> None:
    assert listed(server, "SELECT name FROM system.table_engines") >= names.ENGINES
    assert listed(server, "SELECT name FROM system.database_engines") >= names.DATABASE_ENGINES
    assert listed(server, "SELECT name FROM system.table_functions") >= names.TABLE_FUNCTIONS
    assert names.REFUSED_FORMATS.keys() <= listed(server, "SELECT name FROM system.formats")


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
    return ask(server, part, user=user, headers=headers, **query)


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
        assert ask(server, part, headers=headers, **query).text == "1\n"


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


# VALUES.


@pytest.mark.parametrize(
    ("rows", "parameters", "stored"),
    [
        ("(1, 'a', '2020-01-01 00:00:00', NULL), (2, 'b''c\\'d;', 0, 3);", {}, "1\ta\n2\tb\\'c\\'d;\n"),
        ("(1, upper('a'), toDateTime(0), NULL), (1 + 1, concat('b', ';'), now(), -1)", {}, "1\tA\n2\tb;\n"),
        ("({a:UInt64}, {s:String}, 0, DEFAULT)", {"param_a": "7", "param_s": "it's"}, "7\tit\\'s\n"),
        ("(18446744073709551615, 'x', 0, 1)\n , (0, lower('Y'), 0, 1) -- end", {}, "0\ty\n18446744073709551615\tx\n"),
    ],
)
def test_values_are_literals_expressions_and_parameters(
    server: EmbeddedClickHouse, rows: str, parameters: dict[str, str], stored: str
) -> None:
    of(server, "TRUNCATE TABLE t")
    reply = of(server, f"INSERT INTO t VALUES {rows}", **parameters)
    assert reply.status == 200, reply.text
    assert of(server, "SELECT a, s FROM t ORDER BY a").text == stored


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("(1, getOSKernelVersion(), 0, 1)", DENIED),
        ("(1, 'a', 0, 1), (2, hostName(), 0, file('x'))", DENIED),
        ("(1, (SELECT getOSKernelVersion()), 0, 1)", DENIED),
        ("(1, 'a', 0, 1); SELECT 1", 62),
        ("(1, lower('a'), 0, 1); SELECT 1", 62),
        ("(0.12345678901234567890, lower('a'), 0, 1)", 36),
    ],
)
def test_values_that_may_not_run_store_nothing(server: EmbeddedClickHouse, rows: str, code: int) -> None:
    of(server, "TRUNCATE TABLE t")
    assert of(server, f"INSERT INTO t VALUES {rows}").code == code
    assert of(server, "SELECT count() FROM t").text == "0\n"


def test_many_values_are_read_as_literals(server: EmbeddedClickHouse) -> None:
    of(server, "TRUNCATE TABLE t")
    rows = ",".join(f"({i}, 'some text that is long enough', 0, NULL)" for i in range(20_000))
    assert of(server, f"INSERT INTO t VALUES {rows}").status == 200
    assert of(server, f"INSERT INTO t VALUES {rows}, (1, lower('A'), 0, 1)").code == 344
    assert of(server, "SELECT count() FROM t").text == "20000\n"


# What SQL makes is looked at when it is made.


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE m (a String DEFAULT getOSKernelVersion()) ENGINE = Memory",
        "CREATE TABLE m (a String MATERIALIZED getOSKernelVersion()) ENGINE = Memory",
        "CREATE TABLE m (a String ALIAS getOSKernelVersion()) ENGINE = Memory",
        "CREATE TABLE m (a String, CONSTRAINT c CHECK getOSKernelVersion() = a) ENGINE = Memory",
        "CREATE TABLE m (a String, INDEX i getOSKernelVersion() TYPE minmax) ENGINE = MergeTree ORDER BY a",
        "CREATE TABLE m (a String) ENGINE = MergeTree ORDER BY getOSKernelVersion()",
        "CREATE TABLE m (a DateTime TTL a + length(getOSKernelVersion())) ENGINE = MergeTree ORDER BY tuple()",
        "CREATE TABLE m (a String, PROJECTION p (SELECT getOSKernelVersion())) ENGINE = MergeTree ORDER BY a",
        "CREATE VIEW m AS SELECT getOSKernelVersion()",
        "CREATE MATERIALIZED VIEW m ENGINE = Memory AS SELECT getOSKernelVersion() AS a",
        "CREATE FUNCTION m AS x -> getOSKernelVersion()",
        "ALTER TABLE t ADD COLUMN m String DEFAULT getOSKernelVersion()",
        "ALTER TABLE t UPDATE s = getOSKernelVersion() WHERE 1",
        "ALTER TABLE t DELETE WHERE s = getOSKernelVersion()",
        "DELETE FROM t WHERE s = getOSKernelVersion()",
        "SELECT * FROM view(SELECT getOSKernelVersion())",
        "SELECT 1 ORDER BY getOSKernelVersion()",
        "SELECT sum(1) OVER (ORDER BY getOSKernelVersion())",
        "SELECT * REPLACE(getOSKernelVersion() AS s) FROM t",
        "SELECT * APPLY(x -> getOSKernelVersion()) FROM t",
        "SELECT GETOSKERNELVERSION()",
        "SELECT (x -> x) AS getOSKernelVersion, getOSKernelVersion()",
        "CREATE TABLE m (a String) ENGINE = MergeTree ORDER BY a SETTINGS storage_policy = 'default'",
        "CREATE DATABASE m ENGINE = Ordinary",
        "SELECT * FROM generateRandom('a String DEFAULT 1') LIMIT 1",
        "SELECT * FROM null(concat('a ', 'String'))",
    ],
)
def test_what_is_closed_is_closed_everywhere(server: EmbeddedClickHouse, sql: str) -> None:
    reply = of(server, sql)
    assert reply.code in (DENIED, 36), reply.text
    assert reply.status in (400, 403)


def test_functions_made_by_sql_work(server: EmbeddedClickHouse) -> None:
    assert of(server, "CREATE FUNCTION half AS x -> x / 2").status == 200
    assert of(server, "SELECT half(3), arrayMap(x -> half(x), [4])", "readonly").text == "1.5\t[2]\n"
    assert of(server, "DROP FUNCTION half").status == 200
    assert of(server, "SELECT half(3)").code == 46


def test_functions_that_call_one_another_are_looked_at_once_each(server: EmbeddedClickHouse) -> None:
    for sql in ("f AS x -> x", "g AS x -> f(x)"):
        assert of(server, f"CREATE FUNCTION {sql}").status == 200
    of(server, "CREATE OR REPLACE FUNCTION f AS x -> g(x)")  # the engine refuses it, or the call below
    assert of(server, "SELECT g(1)").code != 1002


def test_a_view_with_parameters_is_read_like_a_function(server: EmbeddedClickHouse) -> None:
    assert of(server, "CREATE VIEW above AS SELECT number FROM numbers(5) WHERE number > {least:UInt64}").status == 200
    for user in ("default", "readonly"):
        assert of(server, "SELECT number FROM above(least = 3)", user).text == "4\n"
        assert of(server, "SELECT number FROM no_such_view(least = 3)", user).code == DENIED


@pytest.mark.parametrize(
    ("name", "value", "codes"),
    [
        ("format_schema", "syntax = 'proto3'; message M { uint32 a = 1; }", (0, DENIED)),
        ("format_schema", "syntax = 'proto3'; import 'x.proto'; message M {}", (DENIED, DENIED)),
        ("format_schema_source", "string", (0, DENIED)),
        ("format_schema_source", "file", (DENIED, DENIED)),
        ("filter", "1", (DENIED, DENIED)),
        ("profile", "default", (115, 115)),
        ("no_such_setting", "1", (115, 115)),
        ("max_threads", "1", (0, 0)),
        ("join_algorithm", "hash", (0, 0)),
        ("log_comment", "'; SELECT 1", (0, 0)),
        ("session_timezone", "Europe/Berlin", (0, 0)),
        ("send_logs_level", "trace", (DENIED, DENIED)),
        ("max_untracked_memory", "1000000000000", (DENIED, DENIED)),
    ],
)
def test_settings_by_every_way(server: EmbeddedClickHouse, name: str, value: str, codes: tuple[int, int]) -> None:
    for user, code in zip(("default", "readonly"), codes, strict=True):
        assert of(server, "SELECT 1", user, **{name: value}).code == code, user
        assert of(server, f"SELECT 1 SETTINGS {name} = {literal(value)}", user).code == code, user
        assert of(server, f"SELECT 1 FORMAT CSV SETTINGS {name} = {literal(value)}", user).code == code, user
    assert of(server, f"SET {name} = {literal(value)}").code == codes[0]


def test_a_reader_stays_a_reader(server: EmbeddedClickHouse) -> None:
    sql = "SELECT currentUser(), currentRoles(), getSetting('readonly')"
    assert of(server, sql, "readonly").text == "default\t['reading']\t2\n"
    session = {"session_id": "reader"}
    for change in ("SET ROLE everything", "SET ROLE ALL", "SET ROLE DEFAULT", "SET readonly = 0", "EXECUTE AS default"):
        assert of(server, change, "readonly", **session).status >= 400
        assert of(server, sql, "readonly", **session).text == "default\t['reading']\t2\n"


def test_a_statement_is_looked_at_once() -> None:
    """The engine is asked once about the same words (as their own: each user, each format of the answer)."""
    code = """
import tempfile, chdb
from sidecar.embedded.guard.guard import Guard
from sidecar.embedded.sql import Statement
asked = []
class Counting:
    def __init__(self, connection): self._connection = connection
    def query(self, sql, *rest):
        asked.append(sql)
        return self._connection.query(sql, *rest)
with tempfile.TemporaryDirectory() as folder:
    keeper = chdb.connect(folder)
    guard = Guard(lambda: Counting(chdb.connect(folder)))
    asked.clear()
    for statement, reader in ((Statement("SELECT 1"), True), (Statement("INSERT INTO t FORMAT CSV", "CSV"), False)):
        for streamed in range(3):
            guard.check(statement, reader=reader, streamed=frozenset({"TabSeparated"}))
            print(len(asked))
    guard.check(Statement("SELECT 1"), reader=False, streamed=frozenset({"TabSeparated"}))
    print(len(asked))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "1", "3", "3", "3", "4"]


def test_a_deep_statement_is_answered(server: EmbeddedClickHouse) -> None:
    for terms, status in ((400, 200), (5_000, 400)):
        reply = of(server, f"SELECT {'+'.join(['1'] * terms)}")
        assert reply.status in (status, 500), reply.text[:300]
        assert reply.text == f"{terms}\n" or reply.code in (167, 168, 306, 62)
    assert of(server, "SELECT 1").text == "1\n"


def test_a_long_statement_is_refused_as_a_server_does(server: EmbeddedClickHouse) -> None:
    reply = of(server, f"SELECT {','.join(['1'] * 200_000)}")
    assert (reply.code, reply.status) == (162, 413)
