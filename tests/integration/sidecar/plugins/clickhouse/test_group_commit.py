"""Requests that are inserted together, on the real engine: rows and figures are those of inserts one by one."""

import asyncio

import pytest

from tests.support.conversation import NOON
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest

pytestmark = pytest.mark.parametrize("sink", ["columns"], indirect=True)
INSERTS = """
SELECT sum(max_block_number - min_block_number + 1) FROM system.parts
WHERE active AND table = 'events' AND database = currentDatabase()
"""
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


def test_other_logs_are_never_put_together(sink: SinkUnderTest) -> None:
    plain = event("x", at=NOON)
    plain.event_name = ""
    mixed = request(event("user_message", "1", at=NOON), plain)
    for _ in range(2):  # a resend is known by its token
        handle(sink, *bodies(1), mixed, *bodies(1))
    assert sink.one("SELECT count() FROM logs") == 1
    assert sink.one("SELECT count() FROM events FINAL") == 9


def test_a_record_that_is_refused_harms_no_other_request(sink: SinkUnderTest) -> None:
    sink.client.command(
        "ALTER TABLE events ADD CONSTRAINT no_spam CHECK attributes['chattrail.message.text'] != 'spam'"
    )
    handle(sink, *bodies(4), request(event("user_message", "9", {"chattrail.message.text": "spam"}, at=NOON)))
    assert sink.one("SELECT count() FROM events FINAL") == 8
    assert sink.one("SELECT count() FROM dead_letters FINAL") == 1
