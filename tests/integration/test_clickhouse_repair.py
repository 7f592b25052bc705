"""A merged part with empty files, as a disk that fills up at the end of a merge leaves it: its rows are all taken back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.embedded import EmbeddedClickHouse
from tests.otlp import event, request
from tests.receivers import until
from tests.sinks import SinkUnderTest, sink_on

BROKEN = "SELECT count() FROM system.detached_parts WHERE database = currentDatabase() AND reason LIKE 'broken%'"


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with (
        clickhouse.fresh_database() as database,
        sink_on(clickhouse.url, database, "native", tmp_path) as under_test,
    ):
        yield under_test


def break_a_merged_part(sink: SinkUnderTest) -> None:
    for _ in range(3):
        sink.handle(request(event("command"), event("command")))
    sink.client.command("OPTIMIZE TABLE events FINAL")
    folder = Path(
        sink.one("SELECT path FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active")
    )
    for file in folder.iterdir():
        if file.name != "data.bin":
            file.write_bytes(b"")
    sink.client.command("SYSTEM DROP MARK CACHE")
    with pytest.raises(DatabaseError):
        sink.one("SELECT max(toString(attributes)) FROM events")


def test_all_rows_are_back_once_an_insert_has_shown_a_full_disk(sink: SinkUnderTest) -> None:
    break_a_merged_part(sink)
    sink.sink._repair._signs.set()  # type: ignore[attr-defined]

    async def mended() -> None:
        await until(lambda: sink.one(BROKEN) == 1)
        await asyncio.sleep(0)

    sink.run(mended())
    assert sink.one("SELECT countIf(NOT ignore(*)) FROM events FINAL") == 6
    sink.handle(request(event("command")))
    assert sink.one("SELECT count() FROM events FINAL") == 7


def test_whole_parts_are_left_alone(sink: SinkUnderTest) -> None:
    sink.handle(request(event("command")))
    assert sink.run(sink.sink._repair.mend()) == []  # type: ignore[attr-defined]


def test_a_table_that_a_killed_sidecar_left_detached_is_taken_back(sink: SinkUnderTest) -> None:
    sink.handle(request(event("command")))
    sink.client.command("DETACH TABLE events")
    sink.run(sink.sink._repair._attach_detached())  # type: ignore[attr-defined]
    assert sink.one("SELECT count() FROM events FINAL") == 1
