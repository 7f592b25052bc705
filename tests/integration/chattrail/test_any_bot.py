"""A bot that knows nothing of Chattrail but two lines gets its whole trail: polled, exported and read from the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chattrail import create_tracker
from chattrail.export.processor import Limits
from stack.simulators.telegram.server import TelegramServer
from tests.integration.chattrail.any_bot.app import build
from tests.integration.chattrail.any_bot.gallery import png
from tests.integration.chattrail.any_bot.visit import survey_and_gallery
from tests.support.fakes.otlp_receiver import OtlpReceiver, Received


@asynccontextmanager
async def strangers_bot(telegram: TelegramServer, receiver: OtlpReceiver) -> AsyncIterator[None]:
    tracker = create_tracker("strangers-bot", endpoint=receiver.url, limits=Limits(delay=0.05))
    dispatcher, bot = build(telegram.token, telegram.url, tracker)
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1))
    try:
        yield
    finally:
        await dispatcher.stop_polling()
        await polling
        await asyncio.to_thread(tracker.shutdown)
        assert tracker.dropped == 0


def trail(records: list[Received], person: int) -> list[tuple[object, ...]]:
    """Return a person's events by time, each as its type and distinguishing values."""
    telling = (
        "chattrail.start.payload", "chattrail.command.name", "chattrail.message.kind", "chattrail.message.text",
        "chattrail.premium.action", "chattrail.premium.plan", "chattrail.premium.amount", "error.type",
    )  # fmt: skip
    mine = sorted(
        (record for record in records if record.attributes.get("user.id") == str(person)),
        key=lambda record: (record.timestamp, record.attributes["event.sequence"]),
    )
    edited = [record.attributes for record in mine if record.type == "message_edited"]
    assert [(one["chattrail.message.kind"], one.get("chattrail.message.text")) for one in edited] == [
        ("photo", None), ("text", "You said: hello 🌍")
    ]  # fmt: skip
    mine = [record for record in mine if record.type != "message_edited"]  # two seconds late, so among the later ones
    return [(record.type, *(record.attributes[key] for key in telling if key in record.attributes)) for record in mine]


async def test_the_whole_trail_of_a_strangers_bot(caplog: pytest.LogCaptureFixture) -> None:
    async with TelegramServer(token="42:TEST") as telegram:
        with OtlpReceiver() as receiver:
            async with strangers_bot(telegram, receiver):
                ann = telegram.person(1001, name="Ann Lee", username="ann", language_code="en")
                await ann.send("/start promo 1")
                await ann.wait(lambda m: m.text == "Welcome to my bot")
                await ann.send("/help@persona_demo_bot")
                await ann.wait(lambda m: m.text and "Try /survey" in m.text)
                await survey_and_gallery(ann)
                await ann.send("/picture")
                first = await ann.wait(lambda m: m.photo)
                await ann.press("Another")
                second = await ann.wait(lambda m: m.photo)
                await ann.send("hello 🌍")
                await ann.wait(lambda m: m.text == "You said: hello 🌍")
                await ann.send_photo(png(3).data)
                await ann.wait(lambda m: m.text == "Nice picture")
                await ann.send_sticker(emoji="👍")
                await ann.send("/broken")
                await ann.wait(lambda m: m.text == "Something went wrong")
                await ann.send("/shop")
                await ann.wait(lambda m: m.invoice)
                charge = await ann.pay()
                await ann.wait(lambda m: m.text == "Thank you!")
                await ann.block()
                await ann.unblock()
                await asyncio.to_thread(receiver.wait, 32)
            records = receiver.records

    assert trail(records, 1001) == [
        ("start_command", "promo 1"),
        ("bot_message", "text", "Welcome to my bot"),
        ("command", "help"),
        ("bot_message", "text", "Try /survey, /gallery or /shop"),
        ("command", "survey"),
        ("bot_message", "text", "What is your name?"),
        ("user_message", "text", "Ann"),
        ("bot_message", "text", "Which colour?"),
        ("user_message", "button", "🔵 Blue"),
        ("bot_message", "text", "Ann, noted"),
        ("command", "gallery"),
        ("bot_message", "photo", "Two greys"),
        ("bot_message", "photo"),
        ("command", "picture"),
        ("bot_message", "photo"),
        ("user_message", "button", "Another"),
        ("user_message", "text", "hello 🌍"),
        ("bot_message", "text", "…"),
        ("user_message", "photo"),
        ("bot_message", "text", "Nice picture"),
        ("user_message", "sticker", "👍"),
        ("command", "broken"),
        ("handler_failed", "LookupError"),
        ("bot_message", "text", "Something went wrong"),
        ("command", "shop"),
        ("premium_action", "invoice_sent", "frame", 25.0),
        ("premium_action", "paid", "frame", 25.0),
        ("bot_message", "text", "Thank you!"),
        ("bot_blocked",),
        ("bot_unblocked",),
    ]
    by_type = {record.type: record for record in records}
    assert by_type["handler_failed"].attributes["chattrail.handler"].endswith("talk.make.<locals>.broken")
    assert by_type["handler_failed"].attributes["exception.message"] == "nothing here"
    paid = next(record for record in records if record.attributes.get("chattrail.premium.action") == "paid")
    assert paid.attributes["chattrail.premium.charge_id"] == charge
    shown = [record.attributes for record in records if record.type in ("bot_message", "message_edited")]
    images = [one["chattrail.image.file_id"] for one in shown if "chattrail.image.file_id" in one]
    assert len(set(images)) == 4
    assert first.photo is not None
    assert second.photo is not None
    assert images[2:] == [first.photo[-1].file_id, second.photo[-1].file_id]
    assert sorted(record.attributes["event.sequence"] for record in records) == list(range(1, len(records) + 1))
    assert {record.attributes["session.id"] for record in records} == {records[0].attributes["session.id"]}
    start = records[0]
    assert start.attributes["telegram.user.username"] == "ann"
    assert start.attributes["telegram.user.name"] == "Ann Lee"
    assert "hello 🌍" not in caplog.text
