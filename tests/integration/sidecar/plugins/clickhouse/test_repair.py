"""A merged part with empty files, as a disk that fills up at the end of a merge leaves it: its rows are all taken back."""

import asyncio
import http.client
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from sidecar.plugins.clickhouse.repair import STILL_USED, NoRoomError
from tests.support.otlp import event, request
from tests.support.receivers import until
from tests.support.sinks import SinkUnderTest, sink_on

BROKEN = "SELECT count() FROM system.detached_parts WHERE database = currentDatabase() AND reason LIKE 'broken%'"
# Its answer has gigabytes, so it goes on for as long as nobody takes them.
READER = "SELECT e.type, repeat('x', 100) FROM numbers(100000000) AS n CROSS JOIN events AS e"

pytestmark = pytest.mark.parametrize("sink", ["columns"], indirect=True)


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


def test_all_rows_are_back_once_an_insert_has_shown_a_full_disk(
    sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_a_merged_part(sink)
    repair = sink.sink._repair  # type: ignore[attr-defined]
    looks: list[list[str]] = []
    mend = repair.mend

    async def noted() -> list[str]:
        looks.append(await mend())
        return looks[-1]

    async def mended() -> None:
        await until(lambda: ["events"] in looks, within_s=60)

    monkeypatch.setattr(repair, "mend", noted)
    repair._signs.set()
    sink.run(mended())
    assert sink.one(BROKEN) == 1
    assert sink.one("SELECT countIf(NOT ignore(*)) FROM events FINAL") == 6
    sink.handle(request(event("command")))
    assert sink.one("SELECT count() FROM events FINAL") == 7


def test_a_table_that_a_query_still_reads_is_attached_when_it_ends(
    sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.handle(request(event("command")))
    repair = sink.sink._repair  # type: ignore[attr-defined]
    sink.run(repair.shutdown())  # figures that can't be read set it going, too
    sink.run(sink.sink._rollup.shutdown())  # type: ignore[attr-defined]  # no query but the one below reads the table
    address = urlsplit(sink.url)
    reader = http.client.HTTPConnection(str(address.hostname), address.port or 0, timeout=60)
    query = {"database": address.path[1:], "query": READER}
    who = {"X-ClickHouse-User": str(address.username), "X-ClickHouse-Key": str(address.password)}
    reader.request("GET", f"/?{urlencode(query)}", headers=who)
    answer = reader.getresponse()
    assert answer.status == 200, answer.read()
    command, refused = repair._client.command, []

    async def noted(sql: str, **given: Any) -> object:
        try:
            return await command(sql, **given)
        except DatabaseError as error:
            refused.append((sql, error.code))
            if len(refused) == 2:
                answer.close()
                reader.close()  # which ends its query
            raise

    break_a_merged_part(sink)
    monkeypatch.setattr(repair._client, "command", noted)
    assert sink.run(repair.mend()) == ["events"]
    assert refused[:2] == [("ATTACH TABLE IF NOT EXISTS `events`", STILL_USED)] * 2
    assert {code for _, code in refused} == {STILL_USED}
    assert sink.one("SELECT countIf(NOT ignore(*)) FROM events FINAL") == 7


def test_without_room_a_table_is_left_attached(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """To attach it on a full disk fails halfway, and takes the parts along that the broken one was made of."""
    break_a_merged_part(sink)
    repair = sink.sink._repair  # type: ignore[attr-defined]
    sink.run(repair.shutdown())  # figures that can't be read set it going, too
    sent: list[str] = []
    command = repair._client.command

    async def noted(sql: str, **given: Any) -> object:
        if sql.startswith("SYSTEM"):
            sent.append(sql)
        return await command(sql, **given)

    with monkeypatch.context() as patched:
        patched.setattr(repair._client, "command", noted)
        patched.setattr("sidecar.plugins.clickhouse.repair.ROOM", 1 << 62)
        with pytest.raises(NoRoomError, match="events"):
            sink.run(repair.mend())
        assert sink.one(BROKEN) == 0
    assert sent == ["SYSTEM STOP CLEANUP `events`"]
    assert sink.run(repair.mend()) == ["events"]
    assert sink.one("SELECT countIf(NOT ignore(*)) FROM events FINAL") == 6


def test_whole_parts_are_left_alone_and_read_once(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    sink.handle(request(event("command")))
    repair = sink.sink._repair  # type: ignore[attr-defined]
    assert sink.run(repair.mend()) == []
    read: list[str] = []

    async def note(table: str, part: str) -> bool:
        read.append(table)
        return False

    monkeypatch.setattr(repair, "_is_broken", note)
    sink.client.command("SYSTEM STOP MERGES events")
    assert sink.run(repair.mend()) == []
    assert "events" not in read


def test_a_look_that_takes_long_is_not_the_last(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke while it went on is found by another, which begins when all has been quiet for long enough."""
    monkeypatch.setattr("sidecar.plugins.clickhouse.repair.QUIET_S", 0.2)
    monkeypatch.setattr("sidecar.plugins.clickhouse.repair.AGAIN_S", 0.0)
    repair = sink.sink._repair  # type: ignore[attr-defined]
    looks: list[float] = []

    async def look() -> list[str]:
        looks.append(time.monotonic())
        await asyncio.sleep(0.5)
        return []

    async def seen() -> None:
        repair._signs.set()
        await until(lambda: len(looks) == 2)

    monkeypatch.setattr(repair, "mend", look)
    sink.run(seen())
    assert looks[1] - looks[0] >= 0.2


def test_a_sidecar_starts_where_one_was_killed_over_a_detached_table(sink: SinkUnderTest, tmp_path: Path) -> None:
    sink.handle(request(event("command")))
    sink.client.command("DETACH TABLE events")
    with sink_on(sink.url, sink.url.rsplit("/", 1)[1], "columns", tmp_path / "second") as second:
        second.handle(request(event("command")))
        assert second.one("SELECT count() FROM events FINAL") == 2
