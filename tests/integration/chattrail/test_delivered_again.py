"""Telegram delivers updates again, to another process of the bot, and storage keeps one of each; a chat's posts are plain logs."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiogram.types import Message
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs

from chattrail import Tracker
from chattrail.events import PremiumAction
from tests.support.sinks import SinkUnderTest
from tests.unit.chattrail.aiogram.bench import CHANNEL, GROUP, Bench, message

PAYMENT = {"currency": "XTR", "total_amount": 100, "invoice_payload": "month", "telegram_payment_charge_id": "c1"}
BOT = {"id": 42, "is_bot": True, "first_name": "b"}


async def answer(message: Message, chattrail_tracker: Tracker) -> None:
    if message.text == "/offer":
        chattrail_tracker.track(PremiumAction(action="offered", plan="month"))
    await message.answer("noted")


def process() -> Bench:
    bench = Bench()
    bench.on_message(answer)
    return bench


def store(bench: Bench, sink: SinkUnderTest) -> None:
    assert bench.tracker.flush(10)
    sink.handle(encode_logs(bench.memory.get_finished_logs()).SerializeToString())
    sink.settle()
    bench.tracker.shutdown()


async def deliver(bench: Bench, at: datetime) -> None:
    """Deliver a text, a command, a payment and its refund, as they happened at a time."""
    bench.update_id = 70
    paid = {**PAYMENT, "provider_payment_charge_id": ""}
    contents: tuple[dict[str, Any], ...] = (
        {"text": "hi"}, {"text": "/offer"}, {"successful_payment": paid}, {"refunded_payment": PAYMENT, "from": BOT},
    )  # fmt: skip
    for number, content in enumerate(contents):
        await bench.feed(message=message(message_id=number, date=int(at.timestamp()) + number, **content))


def test_an_update_that_is_delivered_again_counts_once(sink: SinkUnderTest) -> None:
    last_of_october = datetime(2026, 10, 31, 23, 59, 58, tzinfo=UTC)
    for _ in range(2):
        bench = process()
        sink.run(deliver(bench, last_of_october))
        store(bench, sink)
    assert sink.rows("SELECT type, count() FROM events FINAL GROUP BY type ORDER BY type") == [
        ("ai_message", 8),  # what the bot sends twice are two messages
        ("command", 1), ("premium_action", 3), ("user_message", 1),
    ]  # fmt: skip
    figures = "sum(messages), sum(commands), sum(offers), sum(payments), sum(refunds), sum(stars), sum(answers)"
    assert sink.rows(f"SELECT {figures} FROM activity FINAL") == [(1, 1, 1, 1, 1, 0.0, 8)]
    assert sink.one("SELECT uniqExact(user_id) FROM events") == 1


def test_what_is_about_a_chat_and_no_person_is_a_log(sink: SinkUnderTest) -> None:
    bench = process()
    forward = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
    sink.run(bench.feed(message=message(text="post", chat=GROUP, sender_chat=CHANNEL, **{"from": forward})))
    sink.run(bench.bot.send_message(-200, "digest"))
    sink.run(bench.bot.send_message(1001, "for Ann"))
    store(bench, sink)
    assert sink.rows(
        "SELECT name, attributes['telegram.chat.id'], attributes['telegram.bot.username'] FROM logs "
        "ORDER BY attributes['telegram.message.id']"
    ) == [("chattrail_chat.ai_message", "-100", "my_bot"), ("chattrail_chat.ai_message", "-200", "my_bot")]  # fmt: skip
    assert sink.rows("SELECT user_id, sequence FROM events") == [("1001", 1)], "the sequence has no gap"
    assert sink.one("SELECT count() FROM dead_letters") == 0
    assert sink.one("SELECT count() FROM activity FINAL") == 1


def test_a_backlog_is_one_session(sink: SinkUnderTest) -> None:
    bench = process()
    start = datetime.now(UTC) - timedelta(hours=3)
    for minute in range(10):
        date = int((start + timedelta(minutes=minute)).timestamp())
        sink.run(bench.feed(message=message(message_id=minute, text="still there?", date=date)))
    store(bench, sink)
    assert sink.one("SELECT uniqExact(session_id) FROM events FINAL") == 1
    assert sink.one("SELECT length(groupUniqArrayArray(sessions)) FROM activity FINAL") == 1
