"""Requests that are inserted together, on the real engine: rows and figures are those of inserts one by one."""

import asyncio
import hashlib

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.conversation import NOON
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest

pytestmark = pytest.mark.parametrize("sink", ["columns"], indirect=True)
INSERTS = """
SELECT sum(max_block_number - min_block_number + 1) FROM system.parts
WHERE active AND table = 'events' AND database = currentDatabase()
"""
LOGS = "SELECT lower(hex(request)), place, body FROM logs FINAL ORDER BY ALL"
FIGURES = "SELECT user_id, events, messages FROM activity FINAL ORDER BY user_id"


def bodies(count: int, text: str = "hi") -> list[bytes]:
    """Requests of two messages each, by a person each."""
    return [
        request(*(event("user_message", str(n), {"chattrail.message.text": text}, at=NOON + k) for k in range(2)))
        for n in range(count)
    ]


def handle(sink: SinkUnderTest, *given: bytes) -> None:
    """Handle requests that come at the same time."""

    async def together() -> None:
        await asyncio.gather(*(sink.sink.handle(sink.batch(body)) for body in given))

    sink.run(together())


def test_requests_of_events_make_one_insert(sink: SinkUnderTest) -> None:
    handle(sink, *bodies(16))
    assert sink.one("SELECT count() FROM events") == 32
    assert sink.one(INSERTS) == 2  # the first one had nobody to go with


def test_a_resend_in_another_grouping_changes_no_row_and_no_figure(sink: SinkUnderTest) -> None:
    sent = bodies(6)
    handle(sink, *sent)
    sink.settle()
    before = sink.rows(FIGURES)
    assert before == [(str(n), 2, 2) for n in range(6)]
    handle(sink, *sent[3:], *sent[:3])
    for body in sent:
        sink.handle(body)
    sink.settle()
    assert sink.one("SELECT count() FROM events FINAL") == 12
    assert sink.rows(FIGURES) == before


def plain_log(text: str) -> LogRecord:
    return LogRecord(time_unix_nano=NOON, body=AnyValue(string_value=text))


def test_plain_logs_go_together_and_a_resend_in_another_grouping_changes_no_row(sink: SinkUnderTest) -> None:
    sent = [request(event("user_message", str(n), at=NOON), *[plain_log("the same")] * 2) for n in range(6)]
    handle(sink, *sent)
    assert sink.one(INSERTS.replace("events", "logs")) == 2  # the first one had nobody to go with
    stored = sink.rows(LOGS)
    assert [(place, body) for _, place, body in stored] == [(1, "the same"), (2, "the same")] * 6
    assert len({digest for digest, _, _ in stored}) == 6
    handle(sink, *sent[3:], *sent[:3])
    for body in sent:
        sink.handle(body)
    assert sink.rows(LOGS) == stored
    assert sink.one("SELECT count() FROM shown_logs") == 12
    sink.client.command("OPTIMIZE TABLE logs FINAL")
    assert sink.one("SELECT count() FROM logs") == 12


def test_a_request_stored_whole_and_then_in_halves_or_by_the_views_has_the_same_keys(sink: SinkUnderTest) -> None:
    faulty = event("user_message", at=NOON)
    faulty.attributes[0].value.string_value = "no id"
    body = request(plain_log("a"), faulty, plain_log("b"), plain_log("c"))
    sink.handle(body)
    stored = sink.rows(LOGS)
    assert [(place, text) for _, place, text in stored] == [(0, "a"), (2, "b"), (3, "c")]
    assert {digest for digest, _, _ in stored} == {hashlib.sha256(body).hexdigest()}
    sink.client.command("ALTER TABLE logs ADD CONSTRAINT no_b CHECK body != 'b'")
    sink.client.command(
        "ALTER TABLE logs MODIFY SETTING non_replicated_deduplication_window = 0"
    )  # tokens are forgotten
    sink.handle(body)
    assert sink.rows(LOGS) == stored


def test_a_record_that_is_refused_harms_no_other_request(sink: SinkUnderTest) -> None:
    sink.client.command(
        "ALTER TABLE events ADD CONSTRAINT no_spam CHECK attributes['chattrail.message.text'] != 'spam'"
    )
    handle(sink, *bodies(4), request(event("user_message", "9", {"chattrail.message.text": "spam"}, at=NOON)))
    assert sink.one("SELECT count() FROM events FINAL") == 8
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 1
