"""Forgetting a chat, coming back to one, and what happens to buttons and memory in between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.support.bot_support import RunningBot, begin_story, has_button, running_bot, says
from tests.support.tools import need


@pytest.fixture
async def bot() -> AsyncIterator[RunningBot]:
    async with running_bot() as running:
        yield running


class RedisServer:
    """A redis-server of the test's own."""

    def __init__(self, port: int, directory: Path) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._arguments = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory))
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            need("redis-server", package="redis-server"), *self._arguments, stdout=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(10), Redis.from_url(self.url) as client:
            while True:
                try:
                    await client.ping()
                    return
                except RedisConnectionError:
                    await asyncio.sleep(0.05)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()
            self._process = None


@pytest.fixture
async def redis(tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> AsyncIterator[RedisServer]:
    server = RedisServer(unused_tcp_port_factory(), tmp_path)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_clear_asks_first_and_then_forgets(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    await ann.send("Hello")
    await ann.wait(has_button("picture:new"))
    await ann.send("/clear")
    await ann.wait(says("Forget this chat (3 messages)"))
    await ann.press("clear:no")
    await ann.wait(says("Kept"))
    assert not await bot.events("chat_cleared")

    await ann.send("/clear")
    await ann.wait(has_button("clear:yes"))
    await ann.press("clear:yes")
    await ann.wait(says("Forgotten"))
    await ann.wait(has_button("persona:mira"))
    assert [a["chattrail.chat.messages"] for a in await bot.attributes("chat_cleared")] == [3]
    await ann.send("/clear")
    await ann.wait(says("nothing to forget"))


async def test_buttons_of_a_cleared_chat_answer_politely(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    opening = await begin_story(ann)
    image_button = next(b for b in ann.buttons if b.data == "picture:new" and b.message_id == opening.message_id)
    await ann.send("/clear")
    await ann.wait(has_button("clear:yes"))
    await ann.press("clear:yes")
    await ann.wait(has_button("persona:mira"))
    await ann.press(image_button)
    await ann.wait(says("A picture needs a story"))
    assert not await bot.events("image_generated")
    assert not await bot.events("handler_failed")


async def test_after_a_long_silence_the_bot_asks_before_it_goes_on(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    await ann.send("Hello")
    await ann.wait(has_button("picture:new"))
    await bot.time_passes(hours=50)
    await ann.send("Where were we?")
    question = await ann.wait(has_button("chat:continue"))
    assert "2 days" in (question.text or "")
    await ann.press("chat:continue")
    await ann.wait(has_button("picture:new"))  # the answer to what was said before the question
    (continued,) = await bot.attributes("chat_continued")
    assert continued["chattrail.chat.idle_s"] == pytest.approx(50 * 3600)


async def test_who_goes_on_talking_instead_of_pressing_continues_too(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    await ann.send("Hello")
    await ann.wait(has_button("picture:new"))
    await bot.time_passes(days=1)
    await ann.send("Are you there?")
    await ann.wait(has_button("chat:continue"))
    await ann.send("I am back")
    await ann.wait(has_button("picture:new"))
    assert len(await bot.events("chat_continued")) == 1
    await ann.press("chat:continue")  # the old question's button still works
    await ann.wait(says("Where were we?"))


async def test_starting_afresh_forgets_the_earlier_chat(bot: RunningBot) -> None:
    ann = bot.telegram.person(1001)
    await begin_story(ann)
    await ann.send("/start")
    back = await ann.wait(has_button("chat:fresh"))
    assert "Mira" in (back.text or "")
    await ann.press("chat:fresh")
    await ann.wait(has_button("persona:mira"))
    assert [a["chattrail.chat.messages"] for a in await bot.attributes("chat_cleared")] == [1]
    assert [a["chattrail.start.returning"] for a in await bot.attributes("start_command")] == [False, True]
    assert "chat:continue" not in {button.data for button in ann.buttons}


async def test_memory_is_bounded_and_survives_the_bot(redis: RedisServer) -> None:
    async with running_bot(redis_url=redis.url, memory_messages="4") as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        for number in range(4):
            await ann.send(f"message {number}")
            await ann.wait(has_button("picture:new"))
        await ann.send("/clear")
        await ann.wait(says("(4 messages)"))
        await ann.press("clear:no")
        await ann.wait(says("Kept"))
    async with running_bot(redis_url=redis.url) as bot:
        ann = bot.telegram.person(1001, name="Ann")
        await ann.send("/start")
        await ann.wait(says("Good to see you again, Ann. You were with Mira"))
        assert [a["chattrail.start.returning"] for a in await bot.attributes("start_command")] == [True]


async def test_premium_is_in_redis_too(redis: RedisServer) -> None:
    async with running_bot(redis_url=redis.url) as bot:
        ann = bot.telegram.person(1001)
        await ann.send("/premium")
        await ann.wait(has_button("premium:week"))
        await ann.press("premium:week")
        await ann.wait(lambda message: message.invoice)
        await ann.pay()
        await ann.wait(says("Premium is yours until November 29, 2026"))
    async with running_bot(redis_url=redis.url) as bot:
        ann = bot.telegram.person(1001)
        await ann.send("/premium")
        await ann.wait(says("runs until November 29, 2026"))


async def test_a_redis_that_goes_away_costs_an_apology_and_no_more(redis: RedisServer) -> None:
    async with running_bot(redis_url=redis.url) as bot:
        ann = bot.telegram.person(1001)
        await begin_story(ann)
        await bot.settled()
        await redis.stop()
        await ann.send("Hello?")
        await ann.wait(says("Something went wrong on my side"))
        await redis.start()
        await ann.send("/help")
        await ann.wait(says("/personas"))
