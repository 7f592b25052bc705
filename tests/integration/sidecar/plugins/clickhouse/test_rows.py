"""Rows that were inserted are let go at once, whenever Python's collector comes by."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.plugins.clickhouse.rows import insert_rows
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.sinks import sink_on


class Row(list[str]):
    """A row that can be watched."""


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_rows_are_let_go_without_the_collector(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "columns", tmp_path) as sink:
        sink.client.command("CREATE TABLE letters (name String) ENGINE = Memory")
        rows = [Row(["a"])]
        watched = weakref.ref(rows[0])
        client = sink.sink._client  # type: ignore[attr-defined]
        sink.run(insert_rows(client, "letters", rows, ["name"], {"async_insert": 0}))
        del rows
        assert watched() is None
        assert sink.rows("SELECT name FROM letters") == [("a",)]
