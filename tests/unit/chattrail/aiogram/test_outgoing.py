"""Calls the bot makes: which event each becomes, and whose it is."""

import asyncio
import gc
import weakref
from functools import partial
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.enums import ParseMode
from aiogram.methods import SendMessage, TelegramMethod
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    InputMediaPhoto,
    LabeledPrice,
    Message,
    ReactionTypeEmoji,
    Update,
)

from chattrail import Tracker
from chattrail.aiogram import instrument, returned
from tests.support.fakes.otlp_receiver import until
from tests.unit.chattrail.aiogram.bench import ANN, GROUP, HOME, Bench, message


async def test_images_and_captions(bench: Bench) -> None:
    async def show(message: Message, chattrail_tracker: Tracker) -> None:
        await message.answer_photo("file-id", caption="A fox")
        with chattrail_tracker.details(prompt="a fox"):
            await message.answer_photo("file-id", caption="A fox")
            await message.answer_document("file-id")
            await message.answer_media_group([InputMediaPhoto(media="a", caption="Both"), InputMediaPhoto(media="b")])
            await message.edit_media(InputMediaPhoto(media="c"))

    bench.on_message(show)
    await bench.say("show")
    assert bench.types == [
        "user_message", "bot_message", "image_generated", "bot_message", "image_generated", "image_generated", "bot_message",
        "image_generated", "image_generated",
    ]  # fmt: skip
    plain, fox, caption, document, *rest = bench.events[1:]
    assert [plain[f"chattrail.{name}"] for name in ("message.kind", "message.text", "image.file_id", "image.id")] == [
        "photo", "A fox", "p-800", "u-p-800",
    ]  # fmt: skip
    assert (fox["chattrail.image.file_id"], fox["chattrail.image.id"]) == ("p-800", "u-p-800")
    assert (caption["chattrail.message.text"], caption["chattrail.message.kind"]) == ("A fox", "text")
    assert caption["telegram.message.id"] == fox["telegram.message.id"]
    assert (document["chattrail.image.file_id"], document["chattrail.image.content_type"]) == ("d", "image/png")
    assert [event.get("chattrail.image.file_id") for event in rest] == ["p0-800", None, "p1-800", "p-800"]


async def test_calls_of_all_sorts(bench: Bench) -> None:
    """What aiogram calls by its own classes is what the tables of the Bot API know."""

    async def play(message: Message, bot: Bot) -> None:
        await message.copy_to(1002)
        await bot.forward_messages(1002, 1001, [7, 8])
        await message.react([ReactionTypeEmoji(emoji="🔥")])
        sent = await message.answer("…")
        await sent.edit_text("I am")
        await sent.edit_text("I am here")
        await message.answer_poll("Colour?", ["Red", "Green", "Blue"])
        await bot.stop_poll(1001, 105)
        await sent.delete()
        await bot.edit_message_text("inline", inline_message_id="i")

    async def pressed(query: CallbackQuery) -> None:
        await query.answer("Too late", show_alert=True)

    bench.on_message(play)
    bench.router.callback_query.register(pressed)
    await bench.say("go")
    await bench.feed(poll_answer={"poll_id": "77", "user": ANN, "option_ids": [1], "option_persistent_ids": ["b"]})
    await bench.feed(callback_query={"id": "1", "from": ANN, "chat_instance": "1", "data": "d"})
    shown = [
        (event["type"], event["user.id"], event.get("chattrail.message.kind"), event.get("chattrail.message.text"))
        for event in sorted(bench.events, key=lambda event: int(event["event.sequence"]))
    ]
    assert shown == [
        ("user_message", "1001", "text", "go"), ("bot_message", "1002", "text", "go"), ("bot_message", "1002", "text", "go"),
        ("bot_message", "1002", "forward", None), ("reaction", "1001", None, None), ("bot_message", "1001", "text", "…"),
        ("bot_message", "1001", "poll", "Colour?"), ("poll", "1001", None, None), ("message_edited", "1001", "text", "I am here"),
        ("message_deleted", "1001", None, None), ("poll", "1001", None, "Green"), ("user_message", "1001", "button", "d"),
        ("bot_message", "1001", "alert", "Too late"), ("message_edited", "1001", "text", "inline"),
    ]  # fmt: skip


async def test_texts_that_telegram_does_not_return_have_no_tags_of_the_bots_usual_html() -> None:
    """aiogram fills in a bot's parse mode when it makes the request, after the instrumentation has seen the call."""
    bench = Bench(webhook_replies=True)
    bot = Bot("42:TEST", session=bench.wire, default=DefaultBotProperties(parse_mode=ParseMode.HTML))
    instrument(bench.dispatcher, bot, bench.tracker)

    async def handle(message: Message) -> TelegramMethod[Any]:
        await message.bot.copy_message(1001, 1001, 5, caption="<b>1</b>")  # type: ignore[union-attr]
        await message.bot.copy_message(1001, 1001, 5, caption="<b>2</b>", parse_mode=None)  # type: ignore[union-attr]
        await message.bot.edit_message_text("<b>3</b>", inline_message_id="i")  # type: ignore[union-attr]
        photo = InputMediaPhoto(media="p", caption="<b>4</b>")
        await message.bot.edit_message_media(photo, inline_message_id="j")  # type: ignore[union-attr]
        return message.answer("<b>5</b>")

    bench.on_message(handle)
    update = {"update_id": 5, "message": message(text="hi")}
    await bench.dispatcher.feed_update(bot, Update.model_validate(update, context={"bot": bot}))
    bench.tracker.flush()
    texts = [event["chattrail.message.text"] for event in bench.events]
    assert sorted(texts) == ["1", "3", "4", "5", "<b>2</b>", "hi"]
    bench.tracker.shutdown()


async def test_details_go_where_they_belong(bench: Bench) -> None:
    async def answer(message: Message, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(request_model="m", input_tokens=10, duration_ms=5.0, returning=True):
            await message.answer("first half")
            await message.answer("second half")
        with chattrail_tracker.details(
            prompt="a fox", duration_ms=9.0, image_id="fox-1", request_model="m", data=b"png"
        ):
            await message.answer_photo("file-id", caption="A fox")
        await message.answer("plain")

    bench.on_message(answer)
    await bench.say("go")
    first, second, image, caption, plain = bench.events[1:]
    assert (first["gen_ai.request.model"], first["gen_ai.usage.input_tokens"], first["chattrail.ai.duration_ms"]) == (
        "m", 10, 5.0,
    )  # fmt: skip
    assert second["gen_ai.request.model"] == "m"
    assert "gen_ai.usage.input_tokens" not in second
    assert "chattrail.ai.duration_ms" not in second
    assert (image["chattrail.image.id"], image["chattrail.image.prompt"]) == ("fox-1", "a fox")
    assert (image["chattrail.image.data"], "chattrail.image.file_id" in image) == (b"png", False)
    assert image["chattrail.image.duration_ms"] == 9.0
    assert "chattrail.ai.duration_ms" not in caption
    assert "gen_ai.request.model" not in plain


async def test_messages_belong_to_whom_they_are_sent_to(bench: Bench) -> None:
    async def broadcast(message: Message, bot: Bot) -> None:
        await message.answer("starting")
        await bot.send_message(1002, "news")
        await bot.send_message(-100, "news")
        await bot.send_message(-200, "news")

    bench.on_message(broadcast)
    await bench.say("/broadcast")
    whose = [(event["type"], event.get("user.id"), event.get("telegram.chat.id")) for event in bench.events]
    assert whose == [
        ("command", "1001", 1001), ("bot_message", "1001", 1001), ("bot_message", "1002", 1002),
        ("chattrail_chat.bot_message", None, -100), ("chattrail_chat.bot_message", None, -200),
    ]  # fmt: skip
    assert "telegram.user.language_code" not in bench.events[2]
    assert {event["telegram.update.id"] for event in bench.events} == {1}


async def test_groups_belong_to_the_sender(bench: Bench) -> None:
    async def answer(message: Message, bot: Bot) -> None:
        await message.answer("hi Ann")
        await bot.send_message(1001, "and in private")

    bench.on_message(answer)
    await bench.say("hi", chat=GROUP)
    whose = [(event["user.id"], event["telegram.chat.id"], event["telegram.chat.type"]) for event in bench.events]
    assert whose == [("1001", -100, "supergroup"), ("1001", -100, "supergroup"), ("1001", 1001, "private")]
    assert {event["session.id"] for event in bench.events} == {bench.events[0]["session.id"]}


async def test_sends_outside_an_update(bench: Bench) -> None:
    await bench.bot.send_message(1001, "good morning")
    await bench.bot.send_message(-100, "nobody's")
    await bench.bot.send_invoice(
        1001,
        title="t",
        description="d",
        payload="month",
        provider_token="",
        currency="XTR",
        prices=[LabeledPrice(label="a", amount=250)],
    )
    greeting, nobodys, invoice = bench.events
    assert nobodys["type"] == "chattrail_chat.bot_message"
    assert (nobodys["telegram.chat.id"], nobodys["chattrail.message.text"]) == (-100, "nobody's")
    assert not nobodys.keys() & {"event.id", "event.sequence", "user.id", "session.id"}
    assert [greeting["event.sequence"], invoice["event.sequence"]] == [1, 2], "what is no event takes no number"
    assert (greeting["type"], greeting["user.id"], greeting["telegram.user.username"]) == ("bot_message", "1001", "ann")
    assert greeting["telegram.message.id"] == 101
    assert "telegram.update.id" not in greeting
    assert (invoice["chattrail.premium.action"], invoice["chattrail.premium.amount"]) == ("invoice_sent", 250.0)


async def test_a_returned_method_is_the_updates(bench: Bench) -> None:
    async def answer(message: Message) -> SendMessage:
        return message.answer("returned")

    bench.on_message(answer)
    method = await bench.say("hi", chat=GROUP)
    await Dispatcher.silent_call_request(bench.bot, method)  # what polling does next
    assert bench.types == ["user_message", "bot_message"]
    assert bench.events[1]["user.id"] == "1001"
    assert bench.events[1]["telegram.update.id"] == 1


async def test_a_webhooks_reply_is_recorded_when_it_is_returned() -> None:
    bench = Bench(webhook_replies=True)

    async def answer(message: Message, chattrail_tracker: Tracker) -> TelegramMethod[Any]:
        assert message.text is not None
        return message.answer_photo(message.text, caption="c") if "p" in message.text else message.answer("returned")

    bench.on_message(answer)
    for text, events in (("hi", 2), ("photo-id", 4), ("https://cdn.example/p.png", 6)):
        await bench.say(text, chat=GROUP if text == "hi" else HOME)
        await asyncio.to_thread(until, partial(lambda count: bench.tracker.emitted == count, events))
    assert bench.types == ["user_message", "bot_message"] * 3
    returned, photo, by_url = bench.events[1::2]
    assert (returned["user.id"], "telegram.message.id" in returned) == ("1001", False)
    assert [event["chattrail.message.text"] for event in (returned, photo, by_url)] == ["returned", "c", "c"]
    assert [event.get("chattrail.image.file_id") for event in (photo, by_url)] == ["photo-id", None]
    bench.tracker.shutdown()


async def test_a_webhooks_reply_of_the_last_moment_is_recorded() -> None:
    bench = Bench(webhook_replies=True)

    async def answer(message: Message) -> TelegramMethod[Any]:
        return message.answer("returned")

    bench.on_message(answer)
    await bench.say("hi")
    bench.tracker.shutdown()
    assert bench.types == ["user_message", "bot_message"]


async def answered_late(bench: Bench, allowed: asyncio.Event) -> None:
    allowed.set()
    await asyncio.to_thread(until, lambda: bench.tracker.emitted == 2)


async def test_a_reply_too_late_for_the_webhooks_response_is_recorded_once_as_it_was_sent() -> None:
    bench = Bench(webhook_replies=True)
    allowed = asyncio.Event()

    async def answer(message: Message) -> TelegramMethod[Any]:
        await allowed.wait()
        return message.answer("<b>late</b>")

    bench.on_message(answer)
    update = bench.parsed(message=message(text="hi"))
    assert await bench.dispatcher.feed_webhook_update(bench.bot, update, _timeout=0.001) is None
    with pytest.warns(RuntimeWarning, match="slow response"):
        await answered_late(bench, allowed)
    await asyncio.sleep(2 * returned.SECONDS)  # by now it would have been recorded as a reply in the response, too
    assert bench.types == ["user_message", "bot_message"]
    assert bench.events[1]["telegram.message.id"] == 101
    bench.tracker.shutdown()


async def test_a_returned_upload_is_not_held(bench: Bench) -> None:
    alive: list[weakref.ref[BufferedInputFile]] = []

    async def upload(message: Message) -> TelegramMethod[Any]:
        file = BufferedInputFile(b"large", "file")
        alive.append(weakref.ref(file))
        return message.answer_document(file)

    bench.on_message(upload)
    for _ in range(5):
        await bench.say("hi")  # the method goes into the response to the webhook, which the bench drops
    gc.collect()
    assert [reference() for reference in alive] == [None] * 5
