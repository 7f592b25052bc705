"""What the bot does when the AI, Telegram, the person or its own code fails."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiogram import Dispatcher
from aiogram.filters import Command
from aiogram.types import Message

from tests.support.bot_support import TOKEN, RunningBot, begin_story, has_button, running_bot, says
from tests.support.fakes.openai_server import KEY, Fault, OpenAiServer


@pytest.fixture
async def ai() -> AsyncIterator[OpenAiServer]:
    async with OpenAiServer() as server:
        yield server


def with_ai(ai: OpenAiServer) -> dict[str, str]:
    return {"ai_base_url": ai.url, "ai_key": KEY, "ai_model": "small", "ai_attempts": "1", "ai_timeout": "3"}


async def test_answers_come_from_the_model_that_is_set(ai: OpenAiServer) -> None:
    ai.answer = "*nods* 1 < 2 & <b>that</b> is true"
    async with running_bot(**with_ai(ai)) as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.send("Is it?")
        answer = await ann.wait(has_button("picture:new"))
        assert answer.text == "nods 1 < 2 & <b>that</b> is true"
        assert [entity.type for entity in answer.entities or ()] == ["italic"]
        said = (await bot.attributes("ai_message"))[-1]
        assert said["gen_ai.request.model"] == "small"
        assert said["gen_ai.response.model"] == "small-2026-01-01"
        assert said["gen_ai.usage.output_tokens"] == 9


async def test_an_answer_that_fails_is_told_kindly_counted_and_forgotten(ai: OpenAiServer) -> None:
    async with running_bot(**with_ai(ai)) as bot:
        ai.fail(Fault(500))
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.send("first try")
        await ann.wait(says("The words will not come"))
        failed = (await bot.attributes("ai_message"))[-1]
        assert failed["error.type"] == "provider_error"
        assert failed["gen_ai.request.model"] == "small"
        await ann.send("second try")
        await ann.wait(has_button("picture:new"))
        contents = [message["content"] for message in ai.requests[-1]["messages"]]
        assert "second try" in contents
        assert "first try" not in contents
        assert not await bot.events("handler_failed")


async def test_a_hanging_ai_blocks_nobody_else(ai: OpenAiServer) -> None:
    async with running_bot(**with_ai(ai) | {"ai_timeout": "1"}) as bot:
        ai.fail(Fault(hang=True))
        ann, ben = bot.telegram.person(1001), bot.telegram.person(1002)
        await begin_story(ann)
        await ann.send("Are you there?")
        await ai.arrived(1)
        await ben.send("/help")
        await ben.wait(says("/personas"))
        await ann.wait(says("The words will not come"))
        assert "typing" in ann.actions
        assert (await bot.attributes("ai_message", ann))[-1]["error.type"] == "timeout"


async def test_a_flood_of_messages_gets_one_request_for_patience(ai: OpenAiServer) -> None:
    async with running_bot(**with_ai(ai)) as bot:
        ai.fail(Fault(200, delay=1.0))
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.send("number 0")
        await ai.arrived(1)
        for number in range(1, 9):
            await ann.send(f"number {number}")
        await ann.wait(says("still on your last message"))
        for _ in range(4):
            await ann.wait(has_button("picture:new"), after=None)
        await bot.settled()
        patience = [message for message in ann.history if "still on your last" in (message.text or "")]
        assert len(patience) == 1
        assert len(ai.requests) == 4


async def test_telegrams_429_is_obeyed(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    bot.telegram.fail_next("sendMessage", retry_after=1)
    started = time.monotonic()
    await ann.send("Hello")
    await ann.wait(has_button("picture:new"))
    assert time.monotonic() - started >= 1.0
    assert not await bot.events("handler_failed")
    assert len([e for e in await bot.events("ai_message") if e.attributes.get("gen_ai.request.model")]) == 1


async def test_a_person_who_blocks_the_bot_while_it_answers(ai: OpenAiServer) -> None:
    async with running_bot(**with_ai(ai)) as bot:
        ai.fail(Fault(200, delay=0.5))
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.send("Hello?")
        await ai.arrived(1)
        await ann.block()
        await bot.settled()
        assert [e.type for e in await bot.events(of=ann)].count("bot_blocked") == 1
        assert not await bot.events("handler_failed")
        await ann.unblock()
        await ann.send("/start")
        await ann.wait(says("Good to see you again"))
        assert len(await bot.events("bot_unblocked")) == 1


async def test_an_error_in_a_handler_gets_an_apology(bot: RunningBot, caplog: pytest.LogCaptureFixture) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    bot.telegram.fail_next("sendPhoto", code=400, description="Bad Request: IMAGE_PROCESS_FAILED")
    await ann.press("picture:new")
    await ann.wait(says("Something went wrong on my side"))
    (failed,) = await bot.attributes("handler_failed")
    assert failed["error.type"] == "TelegramBadRequest"
    assert failed["chattrail.handler"] == "bot.handlers.image.by_button"


async def test_an_exception_that_holds_the_token_tells_it_to_nobody(
    bot: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot get https://api.telegram.org/bot{TOKEN}/getMe")

    ann = bot.telegram.person(1001)
    await begin_story(ann)
    monkeypatch.setattr(bot.app.dispatcher["chat"].backend, "complete", fails)
    await ann.send("Hello")
    await ann.wait(says("Something went wrong on my side"))
    (failed,) = await bot.attributes("handler_failed")
    assert failed["exception.message"] == "cannot get https://api.telegram.org/bot<token>/getMe"


async def test_an_answer_too_long_for_one_message_comes_in_pieces(ai: OpenAiServer) -> None:
    ai.answer = "word < word. " * 800
    async with running_bot(**with_ai(ai)) as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        before = len(ann.history)
        await ann.send("Tell me everything")
        await ann.wait(has_button("picture:new"))
        parts = [message.text or "" for message in ann.history[before + 1 :]]
        assert len(parts) >= 3
        assert " ".join(parts) == ai.answer.strip()
        answers = await bot.attributes("ai_message", ann)
        assert sum(1 for one in answers if "gen_ai.usage.output_tokens" in one) == 1


async def test_groups_are_left_alone(bot: RunningBot) -> None:
    dispatcher: Dispatcher = bot.app.dispatcher
    seen: list[int] = []

    async def spy(message: Message) -> None:
        seen.append(message.chat.id)

    dispatcher.message.register(spy, Command("spy"))
    for number, (chat_id, kind) in enumerate([(-5, "group"), (1001, "private")]):
        message = {
            "message_id": 1,
            "date": 1770000000,
            "chat": {"id": chat_id, "type": kind, "title": "Group"},
            "from": {"id": 1001, "is_bot": False, "first_name": "Ann"},
            "text": "/spy",
        }
        await dispatcher.feed_raw_update(bot.app.bot, {"update_id": number, "message": message})
    assert seen == [1001]


async def test_analytics_that_is_down_costs_the_bot_nothing(bot: RunningBot) -> None:
    bot.inbox.fail(503)
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    await ann.send("Hello")
    await ann.wait(has_button("picture:new"), timeout=3)
    bot.inbox.recover()
    assert [e.attributes["chattrail.message.kind"] for e in await bot.events("user_message")] == [
        "button",
        "button",
        "text",
    ]


async def test_the_bot_ends_in_time_while_an_answer_hangs(ai: OpenAiServer) -> None:
    async with asyncio.timeout(30), running_bot(**with_ai(ai) | {"ai_timeout": "600"}) as bot:
        ai.fail(Fault(hang=True))
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await ann.send("Hello")
        await ai.arrived(1)


@pytest.fixture
async def bot() -> AsyncIterator[RunningBot]:
    async with running_bot() as running:
        yield running
