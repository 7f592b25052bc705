"""Migrations: each once, and what they cannot handle is noticed and named."""

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from sidecar.errors import RetryableError, StartError
from sidecar.plugins.clickhouse import migrate as module
from sidecar.plugins.clickhouse.migrate import migrate, migrations
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database


def test_migrations_run_once_and_notice_what_they_cannot_handle(clickhouse: EmbeddedClickHouse) -> None:
    with clickhouse.fresh_database() as database, clickhouse_connect.get_client(dsn=clickhouse.dsn(database)) as client:
        url = clickhouse.dsn(database)
        assert [done.version for done in migrate(url)] == [known.version for known in migrations()]
        assert migrate(url) == []
        client.command("INSERT INTO schema_migrations (version, name, checksum) VALUES (1, 'records', 'edited')")
        with pytest.raises(StartError, match=r"migration 1 \(records\) was changed"):
            migrate(url)
        client.command("INSERT INTO schema_migrations (version, name, checksum) VALUES (999, 'future', 'x')")
        with pytest.raises(StartError, match="has migration 999, which this release does not know"):
            migrate(url)


def test_a_copied_schema_is_what_the_migrations_make(clickhouse: EmbeddedClickHouse) -> None:
    with (
        clickhouse.fresh_database() as made,
        migrated_database(clickhouse) as copied,
        clickhouse_connect.get_client(dsn=clickhouse.dsn("default")) as client,
    ):
        migrate(clickhouse.dsn(made))
        assert migrate(clickhouse.dsn(copied)) == []
        assert _schema(client, copied) == _schema(client, made)


def test_plain_logs_from_before_they_had_keys_are_all_shown(
    clickhouse: EmbeddedClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations()
    before = [one for one in every if one.name not in ("rows_before_keys", "keys_of_plain_logs")]
    with clickhouse.fresh_database() as database, clickhouse_connect.get_client(dsn=clickhouse.dsn(database)) as client:
        url = clickhouse.dsn(database)
        monkeypatch.setattr(module, "migrations", lambda: before)
        migrate(url)
        twice = "INSERT INTO logs (ts, body, name) SELECT '2026-11-20 12:00:00', 'the same', 'n' FROM numbers(2)"
        client.command(twice)
        monkeypatch.setattr(module, "migrations", lambda: every)
        client.command(f"RENAME TABLE {database}.logs TO {database}.unkeyed_logs")  # it was killed before it noted that
        migrate(url)
        client.command(twice)  # as a sidecar of the version before does meanwhile
        client.command("OPTIMIZE TABLE logs FINAL")
        assert client.query("SELECT Body, EventName, count() FROM otel_logs GROUP BY ALL").result_rows == [
            ("the same", "n", 4)
        ]
        assert client.query("SELECT (SELECT count() FROM unkeyed_logs), uniqExact(request) FROM logs").result_rows == [
            (2, 2)
        ]


def _schema(client: Client, database: str) -> list[tuple[str, ...]]:
    """What a database is made of, and how many rows each table has."""
    tables = client.query(
        "SELECT name, create_table_query, as_select, toString(arraySort(dependencies_table)), toString(total_rows)"
        f" FROM system.tables WHERE database = '{database}' ORDER BY name"
    )
    return [tuple(str(value).replace(database, "database") for value in row) for row in tables.result_rows]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123", "http://127.0.0.1:8123/a`b", "http://127.0.0.1:8123/a/b"])
def test_a_dsn_without_a_plain_database_name_is_refused(url: str) -> None:
    with pytest.raises(StartError, match="must end in a database name"):
        migrate(url)


def test_migrating_an_absent_server_can_be_tried_again() -> None:
    with pytest.raises(RetryableError, match=r"ClickHouse at 127\.0\.0\.1:1 can't be used"):
        migrate("http://u:secret@127.0.0.1:1/chattrail")
