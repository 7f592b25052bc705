"""Long polling, offsets and wanted kinds, and whole bots at it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.exceptions import (
    TelegramConflictError,
)
from aiogram.filters import CommandStart
from aiogram.types import (
    CallbackQuery,
    Message,
)

from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import called, client, keyboard, updates


async def test_updates_stay_until_an_offset_confirms_them(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await ann.send("/start promo")
    first, second = await updates(bot)
    assert [first.message.text, second.message.text] == ["hello", "/start promo"]
    assert second.update_id == first.update_id + 1
    assert second.message.message_id == first.message.message_id + 1
    assert [entity.model_dump(exclude_none=True) for entity in second.message.entities] == [
        {"type": "bot_command", "offset": 0, "length": 6}
    ]
    sender = second.message.from_user
    assert (sender.id, sender.full_name, sender.username, sender.language_code, sender.is_premium) == (
        1001,
        "Ann Lee",
        "ann",
        "en",
        True,
    )
    assert second.message.chat.type == "private"
    assert len(await updates(bot)) == 2
    assert len(await updates(bot, limit=1)) == 1
    assert await updates(bot, offset=second.update_id) == [second]
    assert await updates(bot, offset=second.update_id + 1) == []
    assert telegram.pending_updates == 0


async def test_a_negative_offset_keeps_the_newest(bot: Bot, ann: Any) -> None:
    await ann.send("two")
    await ann.send("three")
    assert [update.message.text for update in await updates(bot, offset=-1)] == ["three"]
    assert [update.message.text for update in await updates(bot)] == ["three"]


async def test_a_long_poll_ends_when_something_happens(bot: Bot, telegram: TelegramServer) -> None:
    poll = asyncio.create_task(updates(bot, timeout=50))
    await called(telegram, "getUpdates", 1)
    await telegram.person(7, name="Bo").send("now")
    assert [update.message.text for update in await asyncio.wait_for(poll, 20)] == ["now"]


async def test_a_long_poll_ends_empty_after_its_time(bot: Bot) -> None:
    assert await updates(bot, timeout=1) == []


async def test_a_second_poller_ends_the_first(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await updates(bot, offset=(await updates(bot))[-1].update_id + 1)
    first = asyncio.create_task(updates(bot, timeout=10))
    await called(telegram, "getUpdates", 3)
    async with client(telegram) as rival:
        second = asyncio.create_task(updates(rival, timeout=10))
        with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
            await first
        await ann.send("for the second")
        assert [update.message.text for update in await second] == ["for the second"]


async def test_only_the_allowed_kinds_are_queued_from_then_on(bot: Bot, ann: Any) -> None:
    await updates(bot, allowed_updates=["my_chat_member"])
    await ann.send("not wanted")
    await ann.block()
    kinds = [update.event_type for update in await updates(bot)]
    assert kinds == ["message", "my_chat_member"]  # the first one was there before
    await updates(bot, allowed_updates=[], offset=-1)


async def test_a_polling_bot_talks_with_many_people(
    telegram: TelegramServer, polling: Callable[[Dispatcher], None]
) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Welcome", reply_markup=keyboard(("Go on", "go")))

    @dispatcher.callback_query(F.data == "go")
    async def go(query: CallbackQuery) -> None:
        await query.answer("ok")
        assert isinstance(query.message, Message)
        await query.message.edit_text("Gone")

    @dispatcher.message(F.text)
    async def echo(message: Message) -> None:
        await message.answer(f"You said {message.text}")

    polling(dispatcher)

    async def talk(number: int) -> None:
        person = telegram.person(2000 + number, name=f"Person {number}")
        await person.send("/start")
        await person.wait(lambda m: m.text == "Welcome")
        query = await person.press("Go on")
        assert (await person.answered(query)).text == "ok"
        await person.wait(lambda m: m.text == "Gone")
        await person.send(f"number {number}")
        assert (await person.wait()).text == f"You said number {number}"

    await asyncio.gather(*(talk(number) for number in range(20)))


async def test_waiting_in_vain_tells_what_came_instead(bot: Bot, ann: Any) -> None:
    await bot.send_message(1001, "something else")
    with pytest.raises(
        TimeoutError, match=r"person 1001 waited 0.1 s for a matching message; the bot sent \['something else'\]"
    ):
        await ann.wait(lambda m: m.photo, timeout=0.1)


def test_a_token_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="looks like"):
        TelegramServer(token="nonsense")
