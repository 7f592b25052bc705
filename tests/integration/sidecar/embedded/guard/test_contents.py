"""What the guard finds inside statements: values to evaluate, what SQL makes, settings, and what asking costs."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from sidecar.embedded.sql import literal
from tests.support.embedded import EmbeddedClickHouse
from tests.support.embedded_guard import DENIED, of, server_with_a_table


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with server_with_a_table(tmp_path_factory.mktemp("embedded")) as server:
        yield server


# VALUES.


@pytest.mark.parametrize(
    ("rows", "parameters", "stored"),
    [
        ("(1, 'a', '2020-01-01 00:00:00', NULL), (2, 'b''c\\'d;', 0, 3);", {}, "1\ta\n2\tb\\'c\\'d;\n"),
        ("(1, upper('a'), toDateTime(0), NULL), (1 + 1, concat('b', ';'), now(), -1)", {}, "1\tA\n2\tb;\n"),
        ("(1, 2, 0, NULL)", {}, "1\t2\n"),  # no literal of a text, and taken as one all the same
        ("({a:UInt64}, {s:String}, 0, DEFAULT)", {"param_a": "7", "param_s": "it's"}, "7\tit\\'s\n"),
        (
            "(18446744073709551615, 'x', 0, 1)\n , (0, lower('Y') || '0.12345678901234567890', 0, 0.5) -- end",
            {},
            "0\ty0.12345678901234567890\n18446744073709551615\tx\n",
        ),
    ],
)
def test_values_are_literals_expressions_and_parameters(
    server: EmbeddedClickHouse, rows: str, parameters: dict[str, str], stored: str
) -> None:
    of(server, "TRUNCATE TABLE t")
    reply = of(server, f"INSERT INTO t VALUES {rows}", **parameters)
    assert reply.status == 200, reply.text
    assert of(server, "SELECT a, s FROM t ORDER BY a").text == stored


def test_a_map_may_stand_beside_an_expression(server: EmbeddedClickHouse) -> None:
    of(server, "CREATE TABLE m (a String, m Map(String, UInt8), n Map(UInt8, Array(String))) ENGINE = Memory")
    rows = "(lower('A{'), {'k:' : 1, 'l}':{a:UInt8}}, {}), (upper('b'), {}, {1 : ['x'], 2:[]})"
    reply = of(server, f"INSERT INTO m VALUES {rows}", param_a="3")
    assert reply.status == 200, reply.text
    assert of(server, "SELECT * FROM m").text == "a{\t{'k:':1,'l}':3}\t{}\nB\t{}\t{1:['x'],2:[]}\n"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("(1, getOSKernelVersion(), 0, 1)", DENIED),
        ("(1, 'a', 0, 1), (2, hostName(), 0, file('x'))", DENIED),
        ("(1, (SELECT getOSKernelVersion()), 0, 1)", DENIED),
        ("(1, 'a', 0, 1); SELECT 1", 62),
        ("(1, lower('a'), 0, 1); SELECT 1", 62),
        ("(0.12345678901234567890, lower('a'), 0, 1)", 36),
        ("(18446744073709551616, lower('a'), 0, 1)", 36),
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
        "SELECT * FROM null(concat('a ', 'String'))",
    ],
)
def test_what_is_closed_is_closed_everywhere(server: EmbeddedClickHouse, sql: str) -> None:
    reply = of(server, sql)
    assert (reply.code, reply.status) == (DENIED, 403), reply.text


@pytest.mark.parametrize("user", ["readonly", "default"])
@pytest.mark.parametrize("call", ["generateRandom({})", "null({})", "format(CSV, {}, 'x')", "values({}, 'x')"])
def test_a_table_function_declares_columns_with_types_only(server: EmbeddedClickHouse, user: str, call: str) -> None:
    assert of(server, f"SELECT * FROM {call.format(literal('a String'))} LIMIT 0", user).status == 200
    for columns in (
        "a String DEFAULT 1",
        "a String CODEC(NONE)",
        "a String DEFAULT upper('x')",
        "a String ALIAS 'x'; ",
    ):
        reply = of(server, f"SELECT * FROM {call.format(literal(columns))} LIMIT 1", user)
        assert (reply.code, reply.status) == (36, 400), reply.text


@pytest.mark.parametrize("user", ["readonly", "default"])
def test_a_first_value_is_one_word_or_comes_behind_its_column(server: EmbeddedClickHouse, user: str) -> None:
    assert of(server, "SELECT * FROM values('one', 'two words')", user).text == "one\ntwo words\n"
    assert of(server, "SELECT * FROM values('c String', 'two words', 'x')", user).text == "two words\nx\n"
    reply = of(server, "SELECT * FROM values('three words, (really)', 'x')", user)
    assert (reply.code, reply.status) == (36, 400)
    assert "list of columns" in reply.text


@pytest.mark.parametrize("user", ["readonly", "default"])
def test_a_name_does_not_stand_for_columns_or_a_format(server: EmbeddedClickHouse, user: str) -> None:
    """An alias, a parameter or a function's argument that is called like something that may be named."""
    for name in ("tuple", "array"):
        assert (
            of(server, f"SELECT * FROM values({{{name}:String}}, 'x')", user, **{f"param_{name}": "a B"}).code == DENIED
        )
        assert of(server, f"WITH 'a B' AS {name} SELECT * FROM values({name}, 'x')", user).code == DENIED
    assert of(server, "SELECT * FROM format({CSV:String}, 'a,b')", user, param_CSV="JSONEachRow").code == DENIED
    assert of(server, "WITH 'JSONEachRow' AS CSV SELECT * FROM format(csv, 'a,b')", user).text == "a\tb\n"
    assert of(server, "WITH 'JSONEachRow' AS CSV SELECT * FROM format(CSV, 'a,b')", user).text == "a\tb\n"
    assert (
        of(server, f"CREATE OR REPLACE FUNCTION {user}_reads AS CSV -> (SELECT max(c1) FROM format(CSV, '7'))").status
        == 200
    )
    assert of(server, f"SELECT {user}_reads('JSONEachRow')", user).text == "7\n"


def test_functions_made_by_sql_work(server: EmbeddedClickHouse) -> None:
    assert of(server, "CREATE FUNCTION half AS x -> x / 2").status == 200
    assert of(server, "SELECT half(3), arrayMap(x -> half(x), [4])", "readonly").text == "1.5\t[2]\n"
    assert of(server, "DROP FUNCTION half").status == 200
    assert of(server, "SELECT half(3)").code == 46


def test_functions_that_call_one_another_are_looked_at_once_each(server: EmbeddedClickHouse) -> None:
    for sql in ("f AS x -> x", "g AS x -> f(x)"):
        assert of(server, f"CREATE FUNCTION {sql}").status == 200
    assert of(server, "CREATE OR REPLACE FUNCTION f AS x -> g(x)").status == 200
    reply = of(server, "SELECT g(1)")
    assert (reply.code, "Recursive lambda" in reply.text) == (1, True), reply.text  # the engine's own refusal


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
    changes = dict.fromkeys(("SET ROLE everything", "SET ROLE ALL", "SET ROLE DEFAULT", "EXECUTE AS default"), DENIED)
    for change, code in (changes | {"SET readonly = 0": 164}).items():
        assert of(server, change, "readonly", **session).code == code
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
    connection = chdb.connect(folder)
    guard = Guard(lambda: Counting(chdb.connect(folder)))
    asked.clear()
    for statement, reader in ((Statement("SELECT 1"), True), (Statement("INSERT INTO t FORMAT CSV", "CSV"), False)):
        for _ in range(3):
            guard.check(statement, reader=reader)
            print(len(asked))
    guard.check(Statement("SELECT 1"), reader=False)
    print(len(asked))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "1", "3", "3", "3", "4"]


@pytest.mark.parametrize("user", ["readonly", "default"])
def test_an_expression_is_as_deep_as_a_server_allows(server: EmbeddedClickHouse, user: str) -> None:
    """What runs has a bracket for each operator, and the parser's own limit must not be what ends it."""
    assert of(server, f"SELECT {'+'.join(['1'] * 498)}", user).text == "498\n"
    assert of(server, f"SELECT 1{' % 7' * 400}", user).text == "1\n"
    assert of(server, f"SELECT {'(' * 400}1{')' * 400}", user).text == "1\n"
    for terms in (499, 5_000):
        reply = of(server, f"SELECT {'+'.join(['1'] * terms)}", user)
        assert (reply.code, reply.status) == (167, 400), reply.text
    assert of(server, f"SELECT {'(' * 5_000}1{')' * 5_000}", user).code == 306
    assert of(server, "SELECT 1", user).text == "1\n"


def test_a_long_statement_is_refused_as_a_server_does(server: EmbeddedClickHouse) -> None:
    reply = of(server, f"SELECT {','.join(['1'] * 200_000)}")
    assert (reply.code, reply.status) == (162, 413)
