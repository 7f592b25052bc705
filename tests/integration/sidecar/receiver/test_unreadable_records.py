"""One record that protobuf refuses costs itself only, however many senders' records a collector has merged with it."""

import asyncio
from pathlib import Path

import clickhouse_connect

from sidecar.plugins.clickhouse.replay import Outcome, replay
from tests.support.collector_process import Collector
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.receivers import SidecarProcess, until
from tests.support.sinks import SinkUnderTest
from tests.support.wire import MARK, spoiled, too_deep

LETTERS = "SELECT position, reason, event_name, service_name, raw FROM dead_letters FINAL ORDER BY position"


def test_neighbours_are_stored_and_it_is_kept_with_the_reason(sink: SinkUnderTest) -> None:
    good = [event("command") for _ in range(3)]
    bad = event("user_message", attributes={"chattrail.message.text": MARK})
    without_id = event("command", event_id="none")
    body = spoiled(good[0], bad, without_id, good[1]) + too_deep() + request(good[2])
    for _ in range(2):  # the same again changes nothing
        sink.handle(body)
        assert sink.one("SELECT count() FROM events FINAL") == 3
        (first, second, third) = sink.client.query(LETTERS, column_formats={"raw": "bytes"}).result_rows
        assert [first[0], second[0], third[0]] == [1, 2, 4]
        assert first[1] == "the record can't be read: String field had bad UTF-8"
        assert second[1] == "event.id is not a UUID"
        assert "MaxDepth" in third[1]
        assert bytes(first[4]) == spoiled(bad)
        assert bytes(third[4]) == too_deep()
    outcome = sink.run(replay(sink.url, sink.sink))  # type: ignore[arg-type]
    assert outcome == Outcome(0, {first[1]: 1, second[1]: 1, third[1]: 1})
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 3


def test_nothing_but_unreadable_records(sink: SinkUnderTest) -> None:
    sink.handle(too_deep() + too_deep())
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 2
    assert sink.one("SELECT count() FROM events") == 0


async def test_behind_a_collector_that_merges_requests(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    good = [event("user_message", attributes={"chattrail.message.text": "слово"}) for _ in range(40)]
    with migrated_database(clickhouse) as database:
        sidecar = SidecarProcess(CLICKHOUSE_URL=clickhouse.dsn(database), PLUGINS="clickhouse")
        client = clickhouse_connect.get_client(dsn=clickhouse.dsn(database), autogenerate_session_id=False)
        try:
            collector = Collector(tmp_path, await sidecar.ready())
            await asyncio.to_thread(collector.start)
            try:
                for record in good:
                    assert await asyncio.to_thread(collector.post, request(record)) == 200
                bad = spoiled(event("user_message", attributes={"chattrail.message.text": MARK}))
                assert await asyncio.to_thread(collector.post, bad) == 200, "the collector does not check texts"
                await until(lambda: client.query("SELECT count() FROM events FINAL").first_row == (len(good),))
                await until(lambda: client.query("SELECT count() FROM dead_letters FINAL").first_row == (1,))
            finally:
                await asyncio.to_thread(collector.__exit__)
        finally:
            client.close()
            await asyncio.to_thread(sidecar.end)
