"""Jobs that a handler schedules: they keep the handler's context variables, and the update is over."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from typing import TypeAlias

import aiojobs
import pytest
from aiogram import Bot
from aiogram.types import Message
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from chattrail import Person, Tracker
from chattrail.context import running_details, running_update
from chattrail.events import ChatCleared
from tests.unit.chattrail.aiogram.bench import GROUP, Bench

Digest: TypeAlias = Callable[[], Coroutine[object, object, None]]


async def test_a_jobs_messages_belong_to_the_chats_they_go_to(bench: Bench) -> None:
    due = asyncio.Event()
    jobs: list[asyncio.Task[None]] = []

    async def digest(bot: Bot) -> None:
        await due.wait()
        for chat in (1001, 1002, -100, -200):
            await bot.send_message(chat, "digest")

    async def subscribe(message: Message, bot: Bot, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(request_model="m", input_tokens=7):
            jobs.append(asyncio.create_task(digest(bot)))
            await message.answer("every day")

    bench.on_message(subscribe)
    await bench.say("/subscribe", chat=GROUP)
    due.set()
    await jobs[0]
    digests = bench.events[2:]
    assert [(event["type"], event.get("user.id"), event["telegram.chat.id"]) for event in digests] == [
        ("bot_message", "1001", 1001), ("bot_message", "1002", 1002),
        ("chattrail_chat.bot_message", None, -100), ("chattrail_chat.bot_message", None, -200),
    ]  # fmt: skip
    assert not any("telegram.update.id" in event or "gen_ai.request.model" in event for event in digests)
    assert bench.events[1]["gen_ai.request.model"] == "m"


async def test_an_update_ends_for_every_copy_of_its_context(bench: Bench) -> None:
    copies = []

    async def answer(message: Message, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(request_model="m"):
            copies.append(copy_context())  # as APScheduler, aiojobs, call_later and create_task do
            assert running_update() is not None
            assert running_details() is not None

    bench.on_message(answer)
    await bench.say("hi")
    assert copies[0].run(running_update) is None
    assert copies[0].run(running_details) is None


async def test_a_job_has_to_say_whom_its_events_are_about(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def answer(message: Message, chattrail_tracker: Tracker) -> None:
        context = copy_context()
        asyncio.get_running_loop().call_soon(context.run, chattrail_tracker.track, ChatCleared())
        asyncio.get_running_loop().call_soon(lambda: chattrail_tracker.track(ChatCleared(), user=Person(1002)))

    bench.on_message(answer)
    await bench.say("hi")
    await asyncio.sleep(0)
    nobodys, bobs = bench.events[1:]
    assert ("user.id" in nobodys, bobs["user.id"], bobs.get("telegram.update.id")) == (False, "1002", None)
    assert "track() needs user=" in caplog.text


async def _by_apscheduler(digest: Digest) -> None:
    scheduler = AsyncIOScheduler()
    scheduler.start()
    scheduler.add_job(digest, "date")  # at once, and after this handler


async def _by_aiojobs(digest: Digest) -> None:
    await aiojobs.Scheduler().spawn(digest())


@pytest.mark.parametrize("schedule", [_by_apscheduler, _by_aiojobs])
async def test_a_schedulers_jobs_are_no_part_of_the_update(
    schedule: Callable[[Digest], Awaitable[None]], bench: Bench
) -> None:
    due, sent = asyncio.Event(), asyncio.Event()

    async def subscribe(message: Message, bot: Bot) -> None:
        async def digest() -> None:
            await due.wait()
            await bot.send_message(1002, "digest")
            sent.set()

        await schedule(digest)
        await message.answer("every day")

    bench.on_message(subscribe)
    await bench.say("/subscribe")
    due.set()
    await asyncio.wait_for(sent.wait(), 20)
    assert [(event["user.id"], event.get("telegram.update.id")) for event in bench.events[1:]] == [
        ("1001", 1),
        ("1002", None),
    ]
