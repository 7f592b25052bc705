"""What the chat shows is what the trail shows, whatever the bot is: seven bots, text by text, both ways."""

import asyncio
from collections.abc import Callable
from operator import attrgetter

import pytest
from aiogram import Dispatcher
from aiogram.types import Message

from stack.simulators.telegram.person import PaymentError
from stack.simulators.telegram.server import TelegramServer
from tests.browser.stack import Part
from tests.integration.chattrail.any_bot.gallery import png
from tests.integration.public_bots.bots import copies, errors, everything, quiz, stars, stream, support
from tests.integration.public_bots.chain import Chain, running
from tests.integration.public_bots.driving import bot_of, check
from tests.integration.public_bots.trail import recorded, shown
from tests.support.python_environments import locked

PICTURE = png(10).data


def says(*texts: str) -> Callable[[Message], bool]:
    """Match a message that has one of these texts in it."""
    return lambda message: any(text in (message.text or message.caption or "") for text in texts)


async def test_a_bot_that_copies_everything(telegram: TelegramServer, chain: Chain) -> None:
    ann, bo = telegram.person(101, name="Ann Lee", username="ann"), telegram.person(102, name="Bo")
    async with bot_of(copies.make(), telegram, chain, "copies"):
        await ann.send("/start ref 7")
        await ann.wait(says("Hello, Ann Lee!"))
        await bo.send("/start")
        await bo.wait()
        bold = {"type": "bold", "offset": 3, "length": 4}
        first = await ann.send("🌍 bold", entities=[bold])
        await ann.wait(says("🌍 bold"))
        await ann.send("as I said", reply_to=first)
        await ann.wait(says("as I said"))
        await ann.send_photo(PICTURE, "look")
        await ann.wait(lambda m: m.photo)
        await ann.send_voice(b"OggS")
        await ann.wait(lambda m: m.voice)
        await bo.send_sticker(emoji="🦊")
        await bo.wait(lambda m: m.sticker)
        await ann.send_document(b"report", "report.pdf", "application/pdf")
        await ann.wait(lambda m: m.document)
        for kind in ("video", "video_note", "animation", "audio"):
            await ann.send_file(kind, kind.encode())
            await ann.wait(attrgetter(kind))
        await ann.send_contact("+49", "Bo")
        await ann.wait(lambda m: m.contact)
        await ann.send_location(52.5, 13.4)
        await ann.wait(lambda m: m.location)
        await ann.send_venue(52.5, 13.4, "Gate", "Square 1")
        await ann.wait(lambda m: m.venue)
        await ann.send_dice()
        await ann.wait(lambda m: m.dice)
        await ann.send_poll("Tea?", ["yes", "no"])
        await ann.wait(lambda m: m.poll)
        await ann.send_album([PICTURE, png(20).data], "two")
        await ann.wait(lambda m: m.photo)
        await ann.wait(lambda m: m.photo)
        await ann.send("/help@another_bot")
        await ann.wait(says(""))
    check(chain, ann)
    check(chain, bo)


async def test_a_quiz_of_scenes(telegram: TelegramServer, chain: Chain) -> None:
    dispatcher = Dispatcher()
    dispatcher.include_routers(*quiz.make(dispatcher))
    ann, bo = telegram.person(201), telegram.person(202)
    async with running(dispatcher, telegram, chain, "quiz"):
        for person in (ann, bo):
            await person.send("/start")
            await person.wait()
            await person.send("/quiz")
            await person.wait(says("capital"))
        await ann.send("Madrid")
        await ann.wait(lambda m: m.reply_to_message)
        for given in ("Paris", "🔙 Back", "Rome"):
            await ann.press(given) if given != "Rome" else await ann.send(given)
            await ann.wait(says("legs", "capital"))
        await ann.send("eight")
        await ann.wait(says("1 of 2"))
        await bo.press("🚫 Exit")
        await bo.wait(says("0 of 2"))
    check(chain, ann)
    check(chain, bo)


async def test_donations_in_stars_and_money(telegram: TelegramServer, chain: Chain) -> None:
    ann, bo = telegram.person(301), telegram.person(302)
    async with bot_of(stars.make(), telegram, chain, "stars"):
        beginning = ann.mark()
        for amount in (1, 25):
            await ann.send(f"/donate {amount}")
            await ann.wait(lambda m: m.invoice)
            # the bot learns that it has said so after it has learned what Ann writes next
            telegram.faults.delay_next("sendMessage", 0.1, response_only=True)
            await ann.pay()
            await ann.wait(says("Thanks!"))
        await ann.wait(says("Your Stars are back"), after=beginning)
        await bo.send("/donate 501")
        await bo.wait(lambda m: m.invoice)
        with pytest.raises(PaymentError, match="too kind"):
            await bo.pay()
        await bo.send("/shop")
        await bo.wait(lambda m: m.invoice)
        await bo.pay()
        await bo.wait(says("Thanks!"))
        await bo.send("/subscribe")
        link = (await bo.wait(says(""))).text or ""
        charge = await bo.pay(link.removeprefix("Join: "))
        await bo.wait(says("Thanks!"))
        await bo.renew(charge)
        await bo.wait(says("Thanks!"))
        await bo.change_subscription(charge, "canceled")
        await bo.send("/donate")
        await bo.wait(lambda m: m.invoice)
    check(chain, ann)
    check(chain, bo)
    steps = [
        (one["attributes"]["chattrail.premium.action"], one["attributes"].get("chattrail.premium.subscription"))
        for one in chain.events(bo.id)
        if one["type"] == "premium_action"
    ]
    assert [step for step in steps if step[0] != "invoice_sent"] == [
        ("refused", None), ("paid", None), ("paid", "first"), ("paid", "renewal"), ("cancelled", None),
    ]  # fmt: skip


async def test_errors_that_are_answered(telegram: TelegramServer, chain: Chain) -> None:
    ann = telegram.person(401)
    async with bot_of(errors.make(), telegram, chain, "errors"):
        for said, answered in (
            ("/age old", "Wrong age: no number"),
            ("/age 7", "7 is fine"),
            ("/name", "Please give a name"),
            ("/name Bo", "Hello, Bo"),
        ):
            await ann.send(said)
            await ann.wait(says(answered))
        await ann.send("/divide")
        await ann.send("/age 8")
        await ann.wait(says("8 is fine"))
    check(chain, ann)
    failed = [one["attributes"]["error.type"] for one in chain.events(ann.id) if one["type"] == "handler_failed"]
    assert [name.rpartition(".")[2] for name in failed] == ["AgeError", "NameMissingError", "ZeroDivisionError"]


async def test_support_between_people_and_operators(telegram: TelegramServer, chain: Chain) -> None:
    ann, bo, operator = (telegram.person(number) for number in (501, 502, 503))
    group = telegram.group(support.OPERATORS)
    async with bot_of(support.make(), telegram, chain, "support"):
        for person in (ann, bo):
            await person.send("/start")
            await person.wait()
        question = await ann.send("My order is late")
        asked = await group.wait(says("My order is late"))
        await bo.send_photo(PICTURE, "It is broken")
        broken = await group.wait(lambda m: m.photo, after=0)
        group.say(operator, "It comes tomorrow", reply_to=asked.message_id)
        await ann.wait(says("It comes tomorrow"))
        await ann.edit(question, "My order 17 is late")
        corrected = await group.wait(says("My order 17 is late"), after=0)
        group.say(operator, "17 is on its way", reply_to=corrected.message_id)
        await ann.wait(says("17 is on its way"))
        await ann.send("forward: thanks")
        await group.wait(says("forward: thanks"), after=0)
        await bo.send_album([PICTURE, png(20).data])
        await group.wait(lambda m: m.photo and m.message_id > broken.message_id, after=0)
        await bo.block()
        group.say(operator, "We send another", reply_to=broken.message_id)
        await group.wait(says("They have left"), after=0)
    check(chain, ann)
    check(chain, bo)
    trail = shown(chain.events(operator.id))
    # To the operator's own update the bot answers in the group: a reaction, and that the person has left.
    assert [one.text for one in trail if one.side == "bot"] == ["They have left"]
    assert [one for one in trail if one.side == "person"] == recorded(group.record, operator.id)
    assert "bot_blocked" in {one["type"] for one in chain.events(bo.id)}
    # What is copied to the group while a person's update is handled is in nobody's trail, and a log of that chat.
    columns = "attributes['telegram.message.id'], attributes['chattrail.message.text']"
    logs = f"SELECT {columns} FROM logs WHERE event_name = 'chattrail_chat.bot_message'"
    logged = chain.stage.client.query(logs).result_rows
    copies = [one for one in recorded(group.record) if one.side == "bot" and one.text != "They have left"]
    assert {tuple(row) for row in logged} == {(str(one.message_id), one.text) for one in copies}


async def test_an_answer_that_is_streamed(telegram: TelegramServer, chain: Chain) -> None:
    ann, bo = telegram.person(601), telegram.person(602)
    async with bot_of(stream.make(PICTURE), telegram, chain, "stream"):
        await ann.send("Tell me of the fox")
        await ann.wait(lambda m: m.reply_markup)
        await ann.press("🔁 Again")
        await ann.wait(lambda m: m.reply_markup)
        await bo.send("/draft")
        await bo.wait(says(""))
        await bo.send("/imagine a red fox")
        await bo.wait(lambda m: m.photo)
        await bo.send("/picture")
        await bo.wait(says("third"))
        typo = await ann.send("and the dgo?")
        await ann.edit(typo, "and the dog?")
        await ann.wait(lambda m: m.reply_markup)
    check(chain, ann)
    check(chain, bo)
    answers = [one for one in chain.events(bo.id) if one["type"] == "ai_message"]
    assert answers[0]["attributes"]["gen_ai.request.model"] == "talker-1"


async def test_everything_else_that_both_sides_send(telegram: TelegramServer, chain: Chain) -> None:
    ann, bo = telegram.person(801), telegram.person(802)
    async with bot_of(everything.make(PICTURE), telegram, chain, "everything"):
        await ann.send("/poll")
        poll = await ann.wait(lambda m: m.poll)
        await ann.vote(poll.message_id, 0, 2)
        await ann.send("/quiz")
        await ann.wait(lambda m: m.poll)
        await ann.wait(lambda m: m.poll and m.poll.is_closed)
        await bo.send("/several")
        await bo.wait(lambda m: m.live_photo)
        for _ in range(2):  # an album
            await bo.wait(lambda m: m.media_group_id)
        for command, kind in (("/gift", "gift"), ("/paid", "paid_media"), ("/rich", "rich_message")):
            await bo.send(command)
            sent = await bo.next_message(lambda m, kind=kind: kind in m)  # type: ignore[misc]
            if kind == "paid_media":
                await bo.buy_media(sent["message_id"])
                await bo.wait(says("enjoy"))
        await ann.send("/app")
        await ann.wait()
        await ann.send_web_app_data("Order", "2 cups")
        await ann.wait(says("ordered"))
        await ann.send("like me")
        seen = await ann.wait(says("seen"))
        await ann.react(seen.message_id, "🔥")
        await ann.react(seen.message_id, "👍", "custom:5")
        await bo.send("/forget")
        await bo.wait(says("soon gone"))
        await bo.send("/draft")
        await bo.draft(3)
        await bo.stop_generation(3)
        await bo.wait(says("Once upon"))
    check(chain, ann)
    check(chain, bo)
    assert [one.reactions for one in shown(chain.events(ann.id))][-2:] == [{"bot": "👀"}, {"person": "👍 custom:5"}]


async def test_a_business_account(telegram: TelegramServer, chain: Chain) -> None:
    owner, ann = telegram.person(901), telegram.person(902)
    async with bot_of(everything.make(PICTURE), telegram, chain, "business"):
        account = telegram.business_account(owner)
        chat = account.chat_with(ann)
        asked = await chat.send("are you open?")
        await chat.next_message(lambda m: "checklist" in m)
        chat.owner_says("or seven")
        await chat.edit(asked, "are you open today?")
        gone = await chat.send("never mind")
        await chat.next_message(lambda m: "checklist" in m)
        chat.delete(gone)
        await chat.next_message(lambda m: m.get("text") == "noted")
    # Of the chat it is the customer's trail; the owner's side is the account's, whoever typed.
    expected = recorded(chat.record)
    for one, entry in zip(expected, chat.record, strict=True):
        one.side = "person" if entry.sender == ann.id else "bot"
    assert shown(chain.events(ann.id)) == expected
    assert {one["type"] for one in chain.events(owner.id)} <= {"chat_action"}


async def test_a_bot_on_the_oldest_aiogram(telegram: TelegramServer, chain: Chain) -> None:
    ann, bo = telegram.person(701), telegram.person(702)
    environment = {
        "BOT": telegram.token,
        "TELEGRAM": telegram.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": chain.stage.sidecar_url,
    }
    module = "tests.integration.public_bots.bots.oldest"
    part = Part(module, r"bot is ready at (http://\S+)", environment, python=str(locked("oldest")))
    try:
        await asyncio.to_thread(part.wait)
        await ann.send("/start")
        await ann.wait()
        await ann.press("blue")
        await ann.wait(says("Chosen: blue"))
        await ann.send_photo(PICTURE)
        await ann.wait(says("Nice"))
        await bo.send("hello")
        await bo.wait(says("hello"))
        await bo.send_voice(b"OggS")
        await bo.wait(lambda m: m.voice)
    finally:
        await asyncio.to_thread(part.stop)
    assert part.output[-1] == "bot ended\n", part.output
    check(chain, ann)
    check(chain, bo)


def test_nobody_else_has_a_trail(chain: Chain) -> None:
    known = {number + one for number in range(100, 1000, 100) for one in (1, 2)} | {503}
    chain.stage.settle()
    assert chain.people() <= {str(number) for number in known}
