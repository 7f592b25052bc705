"""Clients of ClickHouse against the embedded server: clickhouse-connect (sync), inserts, parameters, streams."""

from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import pytest

from tests.embedded import EmbeddedClickHouse


@pytest.fixture(scope="module")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("embedded")) as server:
        yield server


def test_rows_go_in_and_come_out(clickhouse: EmbeddedClickHouse) -> None:
    with clickhouse.fresh_database() as database, clickhouse_connect.get_client(dsn=clickhouse.dsn(database)) as client:
        client.command("CREATE TABLE t (a Int64, s String) ENGINE = MergeTree ORDER BY a")
        client.insert("t", [[1, "one"], [2, "два"]], column_names=["a", "s"])
        rows = client.query(
            "SELECT a, s FROM t WHERE a >= {least:Int64} ORDER BY a", parameters={"least": 2}
        ).result_rows
        assert rows == [(2, "два")]


def test_data_are_there_after_a_restart(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server:
        with clickhouse_connect.get_client(dsn=server.url) as client:
            client.command("CREATE TABLE t (a Int64) ENGINE = MergeTree ORDER BY a")
            client.insert("t", [[7]], column_names=["a"])
        server.restart()
        with clickhouse_connect.get_client(dsn=server.url) as client:
            assert client.query("SELECT a FROM t").result_rows == [(7,)]
