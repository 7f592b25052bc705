"""The ClickHouse sink on the real engine: nothing twice, nothing lost, figures as counted by hand."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import clickhouse_connect
import pytest

from sidecar.batch import Batch
from sidecar.errors import Retryable, StartError
from sidecar.migrate import migrate, migrations
from sidecar.plugins.clickhouse.sink import ClickHouseSink
from tests.embedded import EmbeddedClickHouse
from tests.otlp import event, request, uuid7
from tests.sinks import SinkUnderTest, sink_on

NOON = int(datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
MINUTE = 60 * 1_000_000_000


@pytest.fixture(params=["native", "decoded"])
def sink(request: pytest.FixtureRequest, clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with (
        clickhouse.fresh_database() as database,
        sink_on(clickhouse.url, database, request.param, tmp_path) as under_test,
    ):
        yield under_test


def conversation() -> list:  # type: ignore[type-arg]
    """Two people, every figure at least once."""
    ann = {
        "telegram.user.name": "Ann",
        "telegram.user.language_code": "en",
        "session.id": "s-1",
        "telegram.chat.id": 11,
    }
    bob = {"telegram.user.name": "Bob", "session.id": "s-2", "chattrail.persona.id": "luna"}
    return [
        event("start_command", "11", at=NOON, **ann),
        event(
            "user_message",
            "11",
            at=NOON + MINUTE,
            **ann,
            **{"chattrail.message.text": "hi", "chattrail.persona.id": "luna"},
        ),
        event(
            "ai_message",
            "11",
            at=NOON + 2 * MINUTE,
            **ann,
            **{"chattrail.ai.duration_ms": 812.5, "gen_ai.usage.input_tokens": 10},
        ),
        event("ai_message", "11", at=NOON + 3 * MINUTE, **ann, **{"error.type": "timeout"}),
        event(
            "image_generated",
            "11",
            at=NOON + 16 * MINUTE,
            **ann,
            **{"chattrail.image.id": "i", "chattrail.image.data": b"\x89PNG"},
        ),
        event(
            "premium_action",
            "12",
            at=NOON,
            **bob,
            **{
                "chattrail.premium.action": "paid",
                "chattrail.premium.amount": 100,
                "chattrail.premium.currency": "XTR",
            },
        ),
        event(
            "premium_action",
            "12",
            at=NOON + MINUTE,
            **bob,
            **{
                "chattrail.premium.action": "refunded",
                "chattrail.premium.amount": 40,
                "chattrail.premium.currency": "XTR",
            },
        ),
        event("bot_blocked", "12", at=NOON + 2 * MINUTE, **bob),
        event("command", "12", at=NOON + MINUTE, **bob, **{"chattrail.command.name": "help"}),
    ]


FIGURES = """
SELECT sum(events), sum(messages), sum(answers), sum(answer_failures), sum(pictures), sum(starts), sum(commands), sum(payments),
       sum(refunds), sum(stars), sum(blocks), sum(input_tokens), sum(answer_ms), count()
FROM activity FINAL
"""
EXPECTED = (9, 1, 1, 1, 1, 1, 2, 1, 1, 60.0, 1, 10, 812.5, 3)


def test_events_become_rows_and_figures(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    sink.settle()
    assert sink.rows(FIGURES) == [EXPECTED]
    assert sink.rows(
        "SELECT user_id, slot, user_name, personas, command_counts, last_block_event FROM activity FINAL ORDER BY user_id, slot"
    ) == [
        ("11", datetime(2026, 3, 1, 12, 0), "Ann", {"luna": 1}, {"start": 1}, ""),
        ("11", datetime(2026, 3, 1, 12, 15), "Ann", {}, {}, ""),
        ("12", datetime(2026, 3, 1, 12, 0), "Bob", {}, {"help": 1}, "bot_blocked"),
    ]  # fmt: skip
    message = sink.rows(
        "SELECT ts, text, chat_id, persona_id, service_name, instance_id FROM events FINAL WHERE type = 'user_message'"
    )
    assert message == [(datetime(2026, 3, 1, 12, 1), "hi", 11, "luna", "test-bot", "i-1")]


def test_what_only_the_bot_did_is_not_the_persons_own(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    sink.settle()
    assert sink.rows("SELECT last_own_ts FROM activity FINAL ORDER BY user_id, slot") == [
        (datetime(2026, 3, 1, 12, 1),),
        (datetime(1970, 1, 1),),  # a picture alone
        (datetime(2026, 3, 1, 12, 2),),
    ]


def test_bytes_of_a_picture_never_become_a_column(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    assert (
        sink.one("SELECT count() FROM events WHERE arrayExists(k -> k = 'chattrail.image.data', mapKeys(attributes))")
        == 0
    )


def test_the_same_body_three_times_changes_nothing(sink: SinkUnderTest) -> None:
    body = request(*conversation())
    for _ in range(3):
        sink.handle(body)
        sink.settle()
    assert sink.one("SELECT count() FROM events") == 9  # without FINAL: the token already kept the doubles out
    assert sink.rows(FIGURES) == [EXPECTED]


def test_the_same_events_split_otherwise_and_reordered_change_no_figure(sink: SinkUnderTest) -> None:
    logs = conversation()
    sink.handle(request(*logs))
    sink.settle()
    for part in (logs[::-1][:4], logs[::-1][4:], logs[2:5]):
        sink.handle(request(*part))
        sink.settle()
    assert sink.one("SELECT count() FROM events") == 9 + 4 + 5 + 3  # other bodies, so other tokens
    assert sink.one("SELECT count() FROM events FINAL") == 9
    assert sink.rows(FIGURES) == [EXPECTED]


def test_late_events_reach_the_figures_of_closed_days(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    sink.settle()
    sink.handle(request(event("user_message", "11", at=NOON + 4 * MINUTE)))
    sink.settle()
    assert sink.rows("SELECT sum(messages), sum(events), count() FROM activity FINAL") == [(2, 10, 3)]


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
        event("user_message", str(n), **{"chattrail.message.text": "spam" if n in (3, 8) else "ham"}) for n in range(11)
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


def test_the_rollup_follows_by_itself(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    deadline = time.monotonic() + 10
    while sink.one("SELECT sum(events) FROM activity FINAL") != 9:
        assert time.monotonic() < deadline, "the rollup task did not run"
        sink.run(asyncio.sleep(0.05))


def test_a_new_process_finishes_the_rollup_of_one_that_died(sink: SinkUnderTest, tmp_path: Path) -> None:
    sink.handle(request(*conversation()))
    encoder = "native"
    with sink_on(sink.url, sink.url.rsplit("/", 1)[1], encoder, tmp_path / "second") as second:
        second.settle()
        assert second.rows(FIGURES) == [EXPECTED]


def test_clickhouse_away_is_a_reason_to_try_again(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path) as server, sink_on(server.url, "chattrail", "native", tmp_path) as under_test:
        server.kill()
        with pytest.raises(Retryable, match="ClickHouse can't store the batch now"):
            under_test.handle(request(*conversation()))
        server.start()
        under_test.handle(request(*conversation()))
        assert under_test.one("SELECT count() FROM events") == 9


def test_a_sink_that_never_started_asks_to_try_again(sink: SinkUnderTest) -> None:
    unstarted = ClickHouseSink(sink.sink._config, sink.sink._context)  # type: ignore[attr-defined]
    with pytest.raises(Retryable, match="has not started"):
        sink.run(unstarted.handle(Batch.parse(request(), datetime.now(UTC))))
    sink.run(unstarted.shutdown())


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


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123", "http://127.0.0.1:8123/a`b", "http://127.0.0.1:8123/a/b"])
def test_a_dsn_without_a_plain_database_name_is_refused(url: str) -> None:
    with pytest.raises(StartError, match="must end in a database name"):
        migrate(url)


def test_migrating_an_absent_server_can_be_tried_again() -> None:
    with pytest.raises(Retryable, match=r"ClickHouse at 127\.0\.0\.1:1 can't be used"):
        migrate("http://u:secret@127.0.0.1:1/chattrail")


def test_nested_values_are_readable_as_otlp_json(sink: SinkUnderTest) -> None:
    log = event("user_message", at=NOON)
    tags = log.attributes.add(key="tags").value.array_value.values
    tags.add().string_value = 'a "quoted" ж'
    tags.add().double_value = 1e300
    sink.handle(request(log))
    value = json.loads(sink.one("SELECT attributes['tags'] FROM events"))
    assert value == {"arrayValue": {"values": [{"stringValue": 'a "quoted" ж'}, {"doubleValue": "1e300"}]}}
