"""The user `saving`: rows for the table `saved`, and nothing else, whatever the statement looks like."""

from collections.abc import Iterator

import pytest

from sidecar.embedded.errors import Code
from tests.support.embedded import EmbeddedClickHouse, ask

INSERT = "INSERT INTO saved FORMAT JSONEachRow\n"
ROW = '{"a": 1}'
REFUSED = {Code.ACCESS_DENIED, Code.READONLY}


@pytest.fixture(scope="module")
def database(clickhouse: EmbeddedClickHouse) -> Iterator[str]:
    with clickhouse.fresh_database() as name:
        for table in ("saved", "others"):
            assert ask(clickhouse, f"CREATE TABLE {name}.{table} (a UInt8) ENGINE = MergeTree ORDER BY a").status == 200
        yield name


def test_rows_for_the_one_table(clickhouse: EmbeddedClickHouse, database: str) -> None:
    for number, insert in enumerate((INSERT, INSERT.replace("saved", f"`{database}` . saved (a)")), 1):
        assert ask(clickhouse, insert + ROW, user="saving", database=database).text == ""
        assert ask(clickhouse, "SELECT count() FROM saved", database=database).text == f"{number}\n"
    ask(clickhouse, "TRUNCATE TABLE saved", database=database)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        "SELECT * FROM saved",
        "SHOW TABLES",
        "EXISTS TABLE saved",
        "EXPLAIN SELECT 1",
        "SET max_threads = 1",
        "DESCRIBE TABLE saved",
        "DROP TABLE saved",
        "TRUNCATE TABLE saved",
        "ALTER TABLE saved DELETE WHERE 1",
        "OPTIMIZE TABLE saved",
        "CREATE TABLE more (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE saved (a UInt8)",
        "KILL QUERY WHERE 1",
        f"{INSERT.replace('saved', 'others')}{ROW}",
        f"{INSERT.replace('INTO saved', 'INTO TABLE FUNCTION null()')}{ROW}",
        "INSERT INTO saved SELECT a FROM others",
        "INSERT INTO saved SELECT 1",
        "INSERT INTO saved VALUES (1)",
        "INSERT INTO saved VALUES ((SELECT max(a) FROM others))",
    ],
)
def test_nothing_else(clickhouse: EmbeddedClickHouse, database: str, statement: str) -> None:
    ask(clickhouse, f"{INSERT.replace('saved', 'others')}{ROW}", database=database)
    reply = ask(clickhouse, statement, user="saving", database=database)
    assert (reply.status, reply.code in REFUSED) == (403 if reply.code == Code.ACCESS_DENIED else 500, True), reply.text
    assert ask(clickhouse, "SELECT count() FROM saved", database=database).text == "0\n"


def test_another_database_is_no_way_around(clickhouse: EmbeddedClickHouse, database: str) -> None:
    reply = ask(clickhouse, INSERT.replace("saved", "system.saved") + ROW, user="saving", database=database)
    assert reply.code != 0
    reply = ask(clickhouse, INSERT + ROW, user="saving", database=database, max_execution_time="3600")
    assert reply.code == 452  # a setting may not loosen a limit
    assert ask(clickhouse, INSERT + ROW, {"query": INSERT}, user="saving", database=database, method="GET").code != 0


def test_without_a_password_there_is_no_such_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("free"), SAVING_PASSWORD="") as server:
        server.saving_password = ""
        assert ask(server, INSERT + ROW, user="saving").code == Code.AUTHENTICATION_FAILED
