"""Rows of the ClickHouse sink on the real engine: odd records are rejected or repaired by rule, and reported."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.errors import RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugins.clickhouse.sink import ClickHouseSink
from tests.support.conversation import NOON, conversation
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, request, uuid7
from tests.support.sinks import SinkUnderTest, sink_on


def test_bytes_of_an_image_never_become_a_column(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    assert (
        sink.one("SELECT count() FROM events WHERE arrayExists(k -> k = 'chattrail.image.data', mapKeys(attributes))")
        == 0
    )


def test_poison_is_set_apart_with_a_reason_and_its_neighbours_are_stored(sink: SinkUnderTest) -> None:
    good = event("user_message", "11", at=NOON)
    missing, bad = event("user_message", "11", at=NOON), event("user_message", "11", event_id="not-a-uuid")
    del missing.attributes[0]
    body = request(missing, good, bad)
    for _ in range(2):
        sink.handle(body)
    assert sink.one("SELECT count() FROM events") == 1
    dead = sink.rows("SELECT position, reason, event_name, hex(raw) FROM dead_letters FINAL ORDER BY position")
    assert [(row[0], row[1], row[2]) for row in dead] == [
        (0, "event.id is missing", "chattrail.user_message"),
        (2, "event.id is not a UUID", "chattrail.user_message"),
    ]
    assert [bytes.fromhex(row[3]) for row in dead] == [request(missing), request(bad)]


def test_what_the_server_refuses_is_found_by_halving(sink: SinkUnderTest) -> None:
    sink.client.command(
        "ALTER TABLE events ADD CONSTRAINT no_spam CHECK attributes['chattrail.message.text'] != 'spam'"
    )
    logs = [
        event("user_message", str(n), {"chattrail.message.text": "spam" if n in (3, 8) else "ham"}) for n in range(11)
    ]
    sink.handle(request(*logs))
    assert sink.one("SELECT count() FROM events FINAL") == 9
    assert sink.rows("SELECT position, hex(raw) FROM dead_letters FINAL ORDER BY position") == [
        (3, request(logs[3]).hex().upper()),
        (8, request(logs[8]).hex().upper()),
    ]


def test_other_logs_are_kept_and_seen_through_otel_logs(sink: SinkUnderTest) -> None:
    plain = event("x", at=NOON)
    plain.event_name, plain.severity_text, plain.trace_id = "", "WARN", bytes(range(16))
    plain.body.string_value = "disk is nearly full"
    sink.handle(request(plain, *conversation()))
    assert sink.one("SELECT count() FROM otel_logs") == 10
    row = sink.rows(
        "SELECT Timestamp, TimestampTime, SeverityText, ServiceName, Body, TraceId FROM otel_logs WHERE EventName = ''"
    )
    noon = datetime(2026, 3, 1, 12, 0)
    assert row == [(noon, noon, "WARN", "test-bot", "disk is nearly full", "000102030405060708090a0b0c0d0e0f")]


@pytest.mark.parametrize(
    ("time_ns", "observed_ns", "id_ms", "expected", "source"),
    [
        (NOON, 0, 1, datetime(2026, 3, 1, 12, 0), "event"),
        (0, NOON, 1, datetime(2026, 3, 1, 12, 0), "observed"),
        (2**64 - 1, 0, NOON // 1_000_000, datetime(2026, 3, 1, 12, 0), "id"),
        (1, 2, 3, datetime(1970, 1, 1), "unknown"),
    ],
)
def test_an_impossible_time_is_replaced_by_rule_and_kept(
    sink: SinkUnderTest, time_ns: int, observed_ns: int, id_ms: int, expected: datetime, source: str
) -> None:
    log = event("user_message", at=NOON, event_id=uuid7(id_ms))
    log.time_unix_nano, log.observed_time_unix_nano = time_ns, observed_ns
    sink.handle(request(log))
    assert sink.rows("SELECT ts, ts_source, time_unix_nano FROM events") == [(expected, source, time_ns)]


def test_records_of_very_many_months_fit_in_one_batch(sink: SinkUnderTest) -> None:
    month = 31 * 24 * 3600 * 1_000_000_000
    sink.handle(request(*(event("user_message", at=NOON - n * month) for n in range(130))))
    sink.settle()
    assert sink.one("SELECT count() FROM events") == 130
    assert sink.one("SELECT sum(messages) FROM activity FINAL") == 130


def test_an_event_that_comes_twice_in_one_request_is_one_row(sink: SinkUnderTest) -> None:
    twice = event("user_message", at=NOON)
    sink.handle(request(twice, twice, event("user_message", "8", at=NOON)))
    sink.settle()
    assert sink.one("SELECT count() FROM events FINAL") == 2
    assert sink.one("SELECT sum(messages) FROM activity FINAL") == 2
    sink.client.command("OPTIMIZE TABLE events FINAL")
    assert sink.one("SELECT count() FROM events") == 2


@pytest.mark.parametrize("table", ["events", "logs"])
def test_wide_tables_merge_column_by_column_and_seldom(module_sink: SinkUnderTest, table: str) -> None:
    (engine,) = module_sink.rows(
        "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {t:String}", t=table
    )
    for setting in ("vertical_merge_algorithm_min_rows_to_activate = 1", "merge_selector_base = 15"):
        assert setting in engine[0]


def test_clickhouse_away_is_a_reason_to_try_again(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server, sink_on(server.url, "chattrail", "columns", tmp_path) as under_test:
        server.kill()
        with pytest.raises(RetryableError, match="ClickHouse can't store the batch now"):
            under_test.handle(request(*conversation()))
        server.start()
        under_test.handle(request(*conversation()))
        assert under_test.one("SELECT count() FROM events") == 9


def test_a_sink_that_never_started_asks_to_try_again(sink: SinkUnderTest) -> None:
    unstarted = ClickHouseSink(sink.sink._config, sink.sink._context)  # type: ignore[attr-defined]
    with pytest.raises(RetryableError, match="has not started"):
        sink.run(unstarted.handle(Batch.parse(request(), datetime.now(UTC))))
    sink.run(unstarted.shutdown())


def test_nested_values_are_readable_as_otlp_json(sink: SinkUnderTest) -> None:
    log = event("user_message", at=NOON)
    tags = log.attributes.add(key="tags").value.array_value.values
    tags.add().string_value = 'a "quoted" ж'
    tags.add().double_value = 1e300
    sink.handle(request(log))
    value = json.loads(sink.one("SELECT attributes['tags'] FROM events"))
    assert value == {"arrayValue": {"values": [{"stringValue": 'a "quoted" ж'}, {"doubleValue": "1e300"}]}}
