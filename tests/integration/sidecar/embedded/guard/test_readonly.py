"""What the read-only user, and in part anyone, must not be able to do; each attempt is made over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.support.embedded import EmbeddedClickHouse, Reply
from tests.support.embedded import ask as send

REFUSED = {164, 497, 452, 62, 344, 36, 46, 48, 60, 73, 80, 81, 115, 291, 434, 481, 514, 701}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded")) as server:
        with clickhouse_connect.get_client(dsn=server.url) as client:
            client.command("CREATE TABLE kept (a Int64) ENGINE = MergeTree ORDER BY a")
            client.command("INSERT INTO kept VALUES (1)")
        yield server


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "secret.txt"
    path.write_text("CANARY-7f3a\n")
    return path


def ask(server: EmbeddedClickHouse, user: str, sql: str, **query: str) -> Reply:
    return send(server, sql, query, user=user, database="chattrail")


WRITES = [
    "INSERT INTO kept VALUES (2)",
    "INSERT INTO kept SELECT 2",
    "INSERT INTO FUNCTION null('a Int8') VALUES (1)",
    "WITH 2 AS x INSERT INTO kept SELECT x",
    "DROP TABLE kept",
    "TRUNCATE TABLE kept",
    "DETACH TABLE kept",
    "RENAME TABLE kept TO gone",
    "ALTER TABLE kept DELETE WHERE 1",
    "ALTER TABLE kept ADD COLUMN b Int8",
    "ALTER TABLE kept UPDATE a = 3 WHERE 1",
    "DELETE FROM kept WHERE 1",
    "UPDATE kept SET a = 3 WHERE 1",
    "OPTIMIZE TABLE kept FINAL",
    "CREATE TABLE made (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE made (a Int8)",
    "CREATE VIEW made AS SELECT 1",
    "CREATE MATERIALIZED VIEW made ENGINE = Memory AS SELECT * FROM kept",
    "CREATE DATABASE made",
    "CREATE FUNCTION made AS x -> x",
    "CREATE USER made",
    "CREATE ROW POLICY made ON kept USING 1 TO ALL",
    "ALTER USER default IDENTIFIED BY 'x'",
    "GRANT ALL ON *.* TO default",
    "SET ROLE everything",
    "SET readonly = 0",
    "SET max_execution_time = 0",
    "SET profile = 'default'",
    "KILL QUERY WHERE 1",
    "SYSTEM STOP MERGES",
    "SYSTEM FLUSH LOGS",
    "SYSTEM SHUTDOWN",
    "SYSTEM DROP MARK CACHE",
    "EXECUTE AS default SELECT 1",
    "BACKUP TABLE kept TO File('x')",
    "SELECT 1; DROP TABLE kept",
    "SELECT 1 /* ; */ ; DROP TABLE kept",
    "SELECT 1 PARALLEL WITH DROP TABLE kept",
    "CHECK TABLE kept",
    "EXPLAIN SELECT 1; DROP TABLE kept",
    "/* SELECT */ DROP TABLE kept",
    "-- SELECT\nDROP TABLE kept",
    "`SELECT` 1",
    "USE system",
    "BEGIN TRANSACTION",
]
LOOSER = [
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS readonly = 1, max_execution_time = 1000",
    "SELECT 1 SETTINGS max_execution_time = 0",
    "SELECT 1 SETTINGS max_execution_time = 100000",
    "SELECT 1 SETTINGS max_memory_usage = 0",
    "SELECT 1 SETTINGS max_memory_usage = 100000000000",
    "SELECT 1 SETTINGS max_result_rows = 0",
    "SELECT 1 SETTINGS profile = 'default'",
    "SELECT 1 SETTINGS format_template_row = '/etc/passwd'",
]
# {secret} is a file of the machine; nobody may read it through the server.
FILES = [
    "SELECT * FROM file('{secret}', 'LineAsString')",
    "SELECT * FROM FILE ( '{secret}', 'LineAsString')",
    "SELECT * FROM `file`('{secret}', 'LineAsString')",
    "SELECT \"file\"('{secret}')",
    "SELECT file('{secret}')",
    "SELECT file/**/('{secret}')",
    "SELECT '{secret}' AS a, * APPLY(file) FROM (SELECT '{secret}')",
    "SELECT * APPLY file FROM (SELECT '{secret}')",
    "SELECT arrayMap(x -> file(x), ['{secret}'])",
    "SELECT $a b$ ' $a b$, file('{secret}'), $a b$ ' $a b$",
    "SELECT ‘'’, file('{secret}'), ‘'’",
    "SELECT “'”, file('{secret}'), “'”",
    "SELECT 1 AS `\\`, file('{secret}'), `\\`",
    "SELECT '\\\\', file('{secret}'), '\\\\'",
    "SELECT # '\n file('{secret}') # '",
    "SELECT #x '\n file('{secret}') #x '",
    "SELECT /* /* */ file('{secret}') /* */",
    "SELECT 1 --\r, file('{secret}')\n , file('{secret}')",
    "SELECT {f:Identifier}('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM `{secret}`",
    "SELECT * FROM default.`{secret}`",
    "DESCRIBE file('{secret}', 'LineAsString')",
    "EXPLAIN SELECT * FROM file('{secret}', 'LineAsString')",
    "SELECT * FROM fileCluster('default', '{secret}', 'LineAsString')",
    "SELECT * FROM filesystem('/etc')",
    "SELECT * FROM icebergLocal('/etc')",
    "SELECT * FROM deltaLakeLocal('/etc')",
    "SELECT * FROM sqlite('{secret}', 't')",
    "SELECT 1 FORMAT Template SETTINGS format_template_resultset = '{secret}'",
    "SELECT 1 SETTINGS format_template_row = '{secret}' FORMAT Template",
    "SELECT * FROM eval('SELECT file(''{secret}'')') SETTINGS allow_experimental_eval_table_function = 1",
    "SELECT * FROM executable('cat', 'LineAsString', 'a String')",
    "SELECT * FROM Python(settings)",
    "SELECT * FROM url('file://{secret}', 'LineAsString')",
]
NETWORK = [
    "SELECT * FROM url('http://127.0.0.1:{port}/ping', 'LineAsString')",
    "SELECT * FROM urlCluster('default', 'http://127.0.0.1:{port}/ping', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:{port}/ping', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:{port}', 'system.one')",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
    "SELECT * FROM mongodb('127.0.0.1:{port}', 'a', 'b', 'c', 'd', 'e String')",
    "SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String, v String')",
    "SELECT * FROM hdfs('hdfs://127.0.0.1:{port}/a', 'TSV', 'a String')",
    "SELECT * FROM azureBlobStorage('http://127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
    "SELECT * FROM format(AvroConfluent, 'x') SETTINGS format_avro_schema_registry_url = 'http://127.0.0.1:{port}'",
]
ADMIN_FILES = [
    "INSERT INTO kept FROM INFILE '{secret}' FORMAT LineAsString",
    "INSERT INTO kept FROM /**/ infile '{secret}' FORMAT LineAsString",
    "SELECT 1 INTO OUTFILE '{secret}.out'",
    "SELECT 1 INTO/**/OUTFILE '{secret}.out' FORMAT TSV",
    "INSERT INTO FUNCTION file('{secret}.out', 'TSV', 'a String') VALUES ('x')",
    "INSERT INTO FUNCTION null('a String') VALUES (file('{secret}'))",
    "CREATE TABLE leak (a String) ENGINE = File(LineAsString, '{secret}')",
    "CREATE TABLE leak (a String) ENGINE = File(LineAsString)",
    "CREATE TABLE leak (a String) ENGINE = URL('http://127.0.0.1:1/', 'TSV')",
    "CREATE FUNCTION leak AS x -> file(x)",
    "CREATE DICTIONARY leak (a String) PRIMARY KEY a SOURCE(FILE(path '{secret}' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
    "CREATE TABLE leak (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/tmp/x/')",
    "SYSTEM SHUTDOWN",
    "SYSTEM KILL",
    "BACKUP TABLE kept TO File('{secret}.out')",
    "CREATE USER made IDENTIFIED BY 'x'",
]


def assert_refused(reply: Reply, secret: Path | None = None) -> None:
    assert reply.status >= 400, reply.text[:300]
    assert int(reply.headers["X-ClickHouse-Exception-Code"]) in REFUSED, reply.text
    assert "CANARY" not in reply.text
    if secret is not None:
        assert not list(secret.parent.glob("*.out"))


@pytest.mark.parametrize("sql", WRITES)
def test_a_reader_changes_nothing(server: EmbeddedClickHouse, sql: str) -> None:
    assert_refused(ask(server, "readonly", sql))
    assert ask(server, "default", "SELECT sum(a), count() FROM kept").text == "1\t1\n"


@pytest.mark.parametrize("sql", LOOSER)
def test_a_reader_loosens_no_limit(server: EmbeddedClickHouse, sql: str) -> None:
    assert_refused(ask(server, "readonly", sql))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("readonly", "0"),
        ("max_execution_time", "0"),
        ("max_execution_time", "9999"),
        ("max_memory_usage", "99999999999"),
        ("max_result_rows", "0"),
        ("profile", "default"),
        ("role", "everything"),
    ],
)
def test_a_reader_loosens_no_limit_in_the_address(server: EmbeddedClickHouse, name: str, value: str) -> None:
    reply = ask(server, "readonly", "SELECT getSetting('readonly')", **{name: value})
    assert reply.status >= 400, reply.text


def test_a_reader_may_tighten_and_set_what_is_harmless(server: EmbeddedClickHouse) -> None:
    sql = "SELECT getSetting('max_execution_time'), getSetting('max_threads') SETTINGS max_execution_time = 1, max_threads = 1"
    assert ask(server, "readonly", sql).text == "1\t1\n"
    sql = "SELECT getSetting('readonly'), getSetting('max_result_rows')"
    assert ask(server, "readonly", sql, max_result_rows="10").text == "2\t10\n"
    assert ask(server, "readonly", "SELECT number FROM numbers(11)", max_result_rows="10").code == 396


@pytest.mark.parametrize("user", ["readonly", "default"])
@pytest.mark.parametrize("sql", FILES)
def test_nobody_reads_a_file(server: EmbeddedClickHouse, secret: Path, user: str, sql: str) -> None:
    assert_refused(ask(server, user, sql.replace("{secret}", str(secret))), secret)


@pytest.mark.parametrize("user", ["readonly", "default"])
@pytest.mark.parametrize("sql", NETWORK)
def test_nobody_reaches_the_network(server: EmbeddedClickHouse, user: str, sql: str) -> None:
    assert_refused(ask(server, user, sql.replace("{port}", str(server.port))))


@pytest.mark.parametrize("sql", ADMIN_FILES)
def test_full_rights_end_at_the_database(server: EmbeddedClickHouse, secret: Path, sql: str) -> None:
    assert_refused(ask(server, "default", sql.replace("{secret}", str(secret))), secret)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM system.processes",
        "SELECT count() FROM merge('system', '^processes$')",
        "SELECT count() FROM view(SELECT * FROM system.processes)",
        "SELECT count() FROM system.server_settings",
        "SELECT count() FROM (SHOW PROCESSLIST)",
    ],
)
def test_a_reader_sees_nothing_of_other_people(server: EmbeddedClickHouse, sql: str) -> None:
    reply = ask(server, "readonly", sql)
    assert reply.status >= 400 or reply.text == "0\n"


@pytest.mark.parametrize("table", ["users", "roles", "quotas", "row_policies"])
def test_a_reader_does_not_see_who_may_enter(server: EmbeddedClickHouse, table: str) -> None:
    assert ask(server, "readonly", f"SELECT * FROM system.{table}").code == 497


def test_a_reader_works_with_a_client(server: EmbeddedClickHouse) -> None:
    client: Any
    with clickhouse_connect.get_client(dsn=server.readonly_url) as client:
        assert client.query("SELECT a FROM kept WHERE a = {a:Int64}", parameters={"a": 1}).result_rows == [(1,)]
        assert client.query("SHOW TABLES").result_rows == [("kept",)]
        assert "MergeTree" in client.command("SHOW CREATE TABLE kept")
        with pytest.raises(DatabaseError, match="READONLY"):
            client.insert("kept", [[2]], column_names=["a"], column_type_names=["Int64"])
