"""What goes wrong in a handler, on the wire or in the instrumentation, and what never gets mixed up."""

import asyncio
from contextvars import copy_context
from typing import Any

import pytest
from aiogram import Bot, F
from aiogram.dispatcher.event.bases import CancelHandler
from aiogram.exceptions import TelegramForbiddenError
from aiogram.types import ErrorEvent, Message

from chattrail import Tracker
from chattrail.aiogram import instrument
from chattrail.context import running_update
from tests.unit.chattrail.aiogram.bench import ANN, BOB_HOME, GROUP, HOME, Bench


async def test_a_failure_is_told_and_raised_again(bench: Bench) -> None:
    async def fail(message: Message) -> None:
        raise KeyError("persona")

    bench.on_message(fail)
    with pytest.raises(KeyError):
        await bench.say("hi")
    message_event, failure = bench.events
    assert message_event["type"] == "user_message"
    assert failure["error.type"] == "KeyError"
    assert failure["exception.message"] == "'persona'"
    assert failure["chattrail.handler"].endswith("test_a_failure_is_told_and_raised_again.<locals>.fail")


async def test_a_failure_before_any_handler_names_where_it_was(bench: Bench) -> None:
    async def check(handler: Any, event: Any, data: Any) -> Any:
        raise ZeroDivisionError

    bench.router.message.outer_middleware(check)
    with pytest.raises(ZeroDivisionError):
        await bench.say("hi")
    where = "test_a_failure_before_any_handler_names_where_it_was.<locals>.check"
    assert bench.events[1]["chattrail.handler"] == f"{__name__}.{where}"


async def test_an_apology_is_its_updates_answer(bench: Bench) -> None:
    copies = []

    async def fail(message: Message) -> None:
        raise KeyError("persona")

    async def apologise(event: ErrorEvent) -> bool:
        assert event.update.message is not None
        await event.update.message.answer("sorry")
        copies.append(copy_context())
        return True

    bench.on_message(fail)
    bench.dispatcher.errors.register(apologise)
    await bench.say("hi", chat=GROUP)
    assert [(event["type"], event["user.id"], event["telegram.update.id"]) for event in bench.events] == [
        ("user_message", "1001", 1), ("handler_failed", "1001", 1), ("bot_message", "1001", 1),
    ]  # fmt: skip
    assert len({event["session.id"] for event in bench.events}) == 1
    assert copies[0].run(running_update) is None


async def test_a_cancelled_update_is_no_failure(bench: Bench) -> None:
    async def cancel(message: Message) -> None:
        raise CancelHandler

    bench.on_message(cancel)
    with pytest.raises(CancelHandler):
        await bench.say("hi")
    assert bench.types == ["user_message"]


async def test_a_send_that_fails_says_that_the_bot_is_blocked_and_is_the_bots_to_deal_with(bench: Bench) -> None:
    async def fails(chat: int) -> None:
        with pytest.raises(TelegramForbiddenError, match="blocked by the user"):
            await bench.bot.send_message(chat, "hello?")

    bench.wire.broken = True
    for chat in (1001, 1002, 1001, -100):
        await fails(chat)
    bench.wire.broken = False
    await bench.say("back again")
    bench.wire.broken = True
    await fails(1001)
    assert [(event["type"], event["user.id"]) for event in bench.events] == [
        ("bot_blocked", "1001"), ("bot_blocked", "1002"), ("user_message", "1001"), ("bot_blocked", "1001")
    ]  # fmt: skip


async def test_instrumenting_twice_records_once(bench: Bench) -> None:
    instrument(bench.dispatcher, bench.bot, bench.tracker)
    another = Bot("43:TEST", session=bench.wire)
    instrument(bench.dispatcher, another, bench.tracker)

    async def answer(message: Message) -> None:
        await message.answer("hi")

    bench.on_message(answer)
    await bench.say("hi")
    assert bench.types == ["user_message", "bot_message"]


async def test_the_bot_never_feels_a_fault_of_the_instrumentation(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    def fault(*args: object, **kwargs: object) -> Any:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("chattrail.botapi.updates.read", fault)
    monkeypatch.setattr("chattrail.botapi.recorder.Recorder.read", fault)
    answered = []

    async def answer(message: Message, chattrail_tracker: Tracker) -> None:
        chattrail_tracker.annotate(returning=True)
        answered.append(await message.answer("still here"))

    bench.on_message(answer)
    await bench.say("hi")
    assert len(answered) == 1
    assert dict(bench.tracker.counts().losses) == {"instrumentation": 2}
    bench.tracker.shutdown()


async def test_users_are_never_mixed_up_between_updates_at_once(bench: Bench) -> None:
    async def answer(message: Message) -> None:
        await asyncio.sleep(0)
        await message.answer(f"to {message.chat.id}")

    bench.router.message.register(answer, F.text)
    bob = {"id": 1002, "is_bot": False, "first_name": "Bob"}
    people = [(HOME, ANN), (BOB_HOME, bob)] * 20
    await asyncio.gather(*(bench.say("hi", chat, **{"from": user}) for chat, user in people))
    answers = [event for event in bench.events if event["type"] == "bot_message"]
    assert len(answers) == 40
    assert all(event["chattrail.message.text"] == f"to {event['user.id']}" for event in answers)
    assert sorted(event["event.sequence"] for event in bench.events) == list(range(1, 81))
