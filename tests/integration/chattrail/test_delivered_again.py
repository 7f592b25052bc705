"""Telegram delivers updates again, to another process of the bot, and storage keeps one of each; a chat's posts are plain logs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from aiogram import Bot
from aiogram.types import CallbackQuery, Message
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs

from chattrail import Tracker
from chattrail.aiogram import instrument
from chattrail.botapi import recorder
from chattrail.events import PremiumAction
from sidecar.plugins.clickhouse import recompute
from sidecar.telemetry.metrics import EVENTS_REPEATED
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.sinks import SinkUnderTest, sink_on
from tests.unit.chattrail.aiogram.bench import ANN, CHANNEL, GROUP, Bench, home, message

PAYMENT = {"currency": "XTR", "total_amount": 100, "invoice_payload": "month", "telegram_payment_charge_id": "c1"}
BOT = {"id": 42, "is_bot": True, "first_name": "b"}


async def offer(query: CallbackQuery, chattrail_tracker: Tracker) -> None:
    chattrail_tracker.track(PremiumAction(action="offered"))


async def answer(message: Message, chattrail_tracker: Tracker) -> None:
    if message.text == "/offer":
        chattrail_tracker.track(PremiumAction(action="offered", plan="month"))
    await message.answer("noted")


@pytest.fixture(scope="module")
def sink(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SinkUnderTest]:
    """One for the file: each test has a person of its own."""
    data = tmp_path_factory.mktemp("sink")
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "columns", data) as running:
        yield running


def sent(person: int, **content: Any) -> dict[str, Any]:
    return message(**{"from": {**ANN, "id": person}, "chat": home(person), **content})


def process() -> Bench:
    bench = Bench()
    bench.on_message(answer)
    return bench


def store(bench: Bench, sink: SinkUnderTest) -> None:
    assert bench.tracker.flush(10)
    sink.handle(encode_logs(bench.memory.get_finished_logs()).SerializeToString())
    sink.settle()
    bench.tracker.shutdown()


async def deliver(bench: Bench, person: int, at: datetime) -> None:
    """Deliver a text, a command, a payment and its refund, as they happened at a time."""
    bench.update_id = 70
    paid = {**PAYMENT, "provider_payment_charge_id": ""}
    contents: tuple[dict[str, Any], ...] = (
        {"text": "hi"}, {"text": "/offer"}, {"successful_payment": paid}, {"refunded_payment": PAYMENT, "from": BOT},
    )  # fmt: skip
    for number, content in enumerate(contents):
        await bench.feed(message=sent(person, message_id=number, date=int(at.timestamp()) + number, **content))


def test_an_update_that_is_delivered_again_counts_once(sink: SinkUnderTest) -> None:
    last_of_october = datetime(2026, 10, 31, 23, 59, 58, tzinfo=UTC)
    for _ in range(2):
        bench = process()
        sink.run(deliver(bench, 2001, last_of_october))
        store(bench, sink)
    assert sink.rows("SELECT type, count() FROM events FINAL WHERE user_id = '2001' GROUP BY type ORDER BY type") == [
        ("bot_message", 8),  # what the bot sends twice are two messages
        ("command", 1), ("premium_action", 3), ("user_message", 1),
    ]  # fmt: skip
    figures = "sum(messages), sum(commands), sum(offers), sum(payments), sum(refunds), sum(stars), sum(answers)"
    assert sink.rows(f"SELECT {figures} FROM activity FINAL WHERE user_id = '2001'") == [(1, 1, 1, 1, 1, 0.0, 0)]
    assert sink.one("SELECT count() FROM events WHERE user_id = '42'") == 0, "the bot is no person"


async def press(bench: Bench, person: int, at: datetime, number: int = 80) -> None:
    """Deliver the press of a button, whose handler tracks an offer, as if it were `at`."""
    bench.update_id = number
    shown = {"message_id": 5, "date": int(at.timestamp()) - 9, "chat": home(person), "text": "Whom?"}
    sender = {**ANN, "id": person}
    with patch.object(recorder, "now", return_value=at):
        await bench.feed(
            callback_query={"id": "1", "from": sender, "chat_instance": "1", "data": "d", "message": shown}
        )
        bench.tracker.backlog.drain()


@pytest.mark.parametrize("first", [0, 1], ids=["as delivered", "the later one is stored first"])
def test_a_press_that_is_delivered_again_counts_once_whatever_its_time(sink: SinkUnderTest, first: int) -> None:
    end_of_october = datetime(2026, 10, 31, 23, 59, 58, tzinfo=UTC)
    times = [end_of_october, end_of_october + timedelta(seconds=60)]
    for at in (times[first], times[1 - first]):
        bench = process()
        bench.router.callback_query.register(offer)
        sink.run(press(bench, 2002 + first, at))
        store(bench, sink)
    sink.settle()
    its = f"WHERE user_id = '{2002 + first}'"
    assert sink.rows(f"SELECT type, ts FROM events FINAL {its} ORDER BY type") == [
        ("premium_action", end_of_october.replace(tzinfo=None)), ("user_message", end_of_october.replace(tzinfo=None)),
    ]  # fmt: skip
    assert sink.rows(f"SELECT sum(messages), sum(offers), sum(events), count() FROM activity FINAL {its}") == [
        (1, 1, 2, 1)
    ]
    assert sink.rows(f"SELECT of_all, messages, events FROM people FINAL {its} ORDER BY of_all") == [
        (False, 1, 2), (True, 1, 2)
    ]  # fmt: skip
    assert sink.metrics.value(EVENTS_REPEATED) >= 2, "the rollup and `settle` may both have found them"
    assert sink.one("SELECT countIf(bitmapCardinality(numbers) != bitmapMax(numbers)) FROM sequences FINAL") == 0, (
        "no gaps"
    )


VOTE = {"poll_answer": {"poll_id": "1", "user": ANN, "option_ids": [0], "option_persistent_ids": ["a"]}}
CHOICE = {"chosen_inline_result": {"result_id": "1", "from": ANN, "query": "cats"}}


@pytest.mark.parametrize(("person", "update"), [(2011, VOTE), (2012, CHOICE)], ids=["vote", "inline result"])
def test_other_updates_without_a_date_count_once(sink: SinkUnderTest, person: int, update: dict[str, Any]) -> None:
    end_of_october = datetime(2026, 10, 31, 23, 59, 50, tzinfo=UTC)
    ((kind, found),) = update.items()
    sender = {"user" if "user" in found else "from": {**ANN, "id": person}}
    for at in (end_of_october, end_of_october + timedelta(seconds=60)):
        bench = process()
        bench.update_id = 90
        with patch.object(recorder, "now", return_value=at):
            sink.run(bench.feed(**{kind: found | sender}))
            bench.tracker.backlog.drain()
        store(bench, sink)
    sink.settle()
    assert sink.rows(f"SELECT ts FROM events FINAL WHERE user_id = '{person}'") == [
        (end_of_october.replace(tzinfo=None),)
    ]
    assert sink.one(f"SELECT sum(events) FROM activity FINAL WHERE user_id = '{person}'") == 1


def test_copies_are_deleted_until_none_is_left(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them near one piece than are looked for at once. What is deleted marks the rows anew, and ClickHouse may merge
    the marks at once: then the copies that are left are those of the next round.
    """
    monkeypatch.setattr(recompute, "COPIES", 1)
    at = datetime(2026, 9, 10, 12, 0, tzinfo=UTC)
    bench = process()
    for number in range(6):
        sink.run(press(bench, 2010, at + timedelta(seconds=number)))
    store(bench, sink)
    for _ in range(4):  # one copy a round at least
        sink.settle()
    assert sink.rows("SELECT ts FROM events WHERE user_id = '2010'") == [(at.replace(tzinfo=None),)]


def test_presses_of_other_updates_and_of_other_bots_stay(sink: SinkUnderTest) -> None:
    at = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
    bench = process()
    sink.run(press(bench, 2004, at))
    sink.run(press(bench, 2004, at + timedelta(seconds=60), number=81))
    instrument(bench.dispatcher, another := Bot("43:TEST", session=bench.wire), bench.tracker)
    bench.bot = another
    sink.run(press(bench, 2004, at + timedelta(seconds=60)))
    store(bench, sink)
    assert sink.one("SELECT count() FROM events FINAL WHERE user_id = '2004'") == 3
    assert sink.one("SELECT sum(messages) FROM activity FINAL WHERE user_id = '2004'") == 3


def test_what_is_about_a_chat_and_no_person_is_a_log(sink: SinkUnderTest) -> None:
    bench = process()
    forward = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
    sink.run(bench.feed(message=message(text="post", chat=GROUP, sender_chat=CHANNEL, **{"from": forward})))
    sink.run(bench.bot.send_message(-200, "digest"))
    sink.run(bench.bot.send_message(2005, "for one"))
    store(bench, sink)
    assert sink.rows(
        "SELECT name, attributes['telegram.chat.id'], attributes['telegram.bot.username'] FROM logs "
        "ORDER BY attributes['telegram.message.id']"
    ) == [("chattrail_chat.bot_message", "-100", "my_bot"), ("chattrail_chat.bot_message", "-200", "my_bot")]  # fmt: skip
    assert sink.one("SELECT sequence FROM events WHERE user_id = '2005'") == 1, "the sequence has no gap"
    assert sink.one("SELECT count() FROM dead_letters") == 0
    assert sink.one("SELECT count() FROM activity WHERE user_id IN ('777000', '-100', '-200', '')") == 0


def test_a_backlog_is_one_session(sink: SinkUnderTest) -> None:
    bench = process()
    start = datetime.now(UTC) - timedelta(hours=3)
    for minute in range(10):
        date = int((start + timedelta(minutes=minute)).timestamp())
        sink.run(bench.feed(message=sent(2006, message_id=minute, text="still there?", date=date)))
    store(bench, sink)
    assert sink.rows("SELECT count(), uniqExact(session_id) FROM events FINAL WHERE user_id = '2006'") == [(20, 1)]
    assert sink.one("SELECT length(groupUniqArrayArray(sessions)) FROM activity FINAL WHERE user_id = '2006'") == 1
