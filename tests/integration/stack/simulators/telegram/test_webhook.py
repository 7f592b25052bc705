"""Webhooks of the simulated Bot API, delivered to a real aiogram webhook application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError
from aiogram.methods import GetUpdates, SendMessage
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web

from stack.simulators.telegram.server import TelegramServer


@contextlib.asynccontextmanager
async def serving(handler: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(handler, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def test_updates_reach_an_aiogram_webhook_with_the_secret(telegram: TelegramServer, bot: Bot) -> None:
    dispatcher = Dispatcher()

    @dispatcher.message(F.text == "in the answer")
    async def in_the_answer(message: Message) -> SendMessage:
        return SendMessage(chat_id=message.chat.id, text="answered in the body")

    @dispatcher.message(F.text)
    async def echo(message: Message) -> None:
        await message.answer(f"got {message.text}")

    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token="s3cret").register(app, "/hook")
    async with serving(app) as address:
        assert await bot.set_webhook(address, secret_token="s3cret", max_connections=5)
        info = await bot.get_webhook_info()
        assert (info.url, info.max_connections, info.pending_update_count) == (address, 5, 0)
        with pytest.raises(TelegramConflictError, match="can't use getUpdates method while webhook is active"):
            await bot(GetUpdates())
        people = [telegram.person(number, name=f"P{number}") for number in range(1, 8)]
        await asyncio.gather(*(person.send("hi") for person in people))
        for person in people:
            assert (await person.wait()).text == "got hi"
        await people[0].send("in the answer")
        assert (await people[0].wait()).text == "answered in the body"
        assert await bot.delete_webhook()
    await people[0].send("after")
    assert [update.message.text for update in await bot(GetUpdates()) if update.message] == ["after"]


async def test_a_webhook_that_refuses_gets_the_update_again_in_order(telegram: TelegramServer, bot: Bot) -> None:
    tries: list[str] = []
    taken: list[str] = []
    done = asyncio.Event()

    async def hook(request: web.Request) -> web.Response:
        text = (await request.json())["message"]["text"]
        tries.append(text)
        if len(tries) <= 2:
            return web.Response(status=500)
        taken.append(text)
        if len(taken) == 2:
            done.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hook)
    async with serving(app) as address:
        await bot.set_webhook(address)
        ann = telegram.person(1, name="Ann")
        await ann.send("first")
        await ann.send("second")
        await asyncio.wait_for(done.wait(), 10)
        assert tries == ["first", "first", "first", "second"]
        assert taken == ["first", "second"]
        assert (
            await bot.get_webhook_info()
        ).last_error_message == "Wrong response from the webhook: 500 Internal Server Error"


async def test_what_a_dead_webhook_did_not_take_waits_for_the_next_poll(telegram: TelegramServer, bot: Bot) -> None:
    async with serving(web.Application()) as address:
        await bot.set_webhook(address)  # nothing lives under /hook: every delivery is a 404
        ann = telegram.person(1, name="Ann")
        await ann.send("one")
        await ann.send("two")
        while (await bot.get_webhook_info()).last_error_message is None:  # noqa: ASYNC110 - only the server knows
            await asyncio.sleep(0.01)
        assert (await bot.get_webhook_info()).pending_update_count == 2
        await bot.delete_webhook()
    assert [update.message.text for update in await bot(GetUpdates()) if update.message] == ["one", "two"]


async def test_setting_a_webhook_checks_its_parameters(telegram: TelegramServer, bot: Bot) -> None:
    with pytest.raises(TelegramBadRequest, match="bad webhook"):
        await bot.set_webhook("ftp://127.0.0.1/hook")
    with pytest.raises(TelegramBadRequest, match="secret token contains unallowed characters"):
        await bot.set_webhook("http://127.0.0.1:9/hook", secret_token="no spaces")
    await telegram.person(1, name="Ann").send("dropped")
    assert await bot.delete_webhook(drop_pending_updates=True)
    assert await bot(GetUpdates()) == []
