"""owner_router in a bot: through the simulated Telegram, with the real dashboard on what that bot sent, and with one in trouble."""

import asyncio
import logging
import re
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiogram import BaseMiddleware, Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command
from aiogram.types import Message, TelegramObject
from flask import Flask
from werkzeug.serving import make_server

from chattrail import Tracker, create_tracker
from chattrail.aiogram import instrument, owner_router
from chattrail.aiogram.middleware import Updates
from chattrail.aiogram.owner import OwnerRouter
from stack.simulators.telegram.server import TelegramServer
from tests.support.embedded import EmbeddedClickHouse
from tests.support.fakes.otlp_receiver import OtlpReceiver
from tests.support.fakes.web_api_server import TOKEN, WebApiServer
from tests.support.web_stage import web_stage
from tests.support.web_support import TOKEN as WEB_TOKEN

OWNER, RUSSIAN_OWNER = 5000, 5001
OWNERS = (OWNER, RUSSIAN_OWNER)


async def own_stats(message: Message) -> None:
    await message.answer("Your score is 3")


async def echo(message: Message) -> None:
    await message.answer(f"You said: {message.text}")


@asynccontextmanager
async def running(telegram: TelegramServer, tracker: Tracker, owners: OwnerRouter) -> AsyncIterator[Dispatcher]:
    """A bot with a /stats of its own for people."""
    bot = Bot(telegram.token, session=AiohttpSession(api=TelegramAPIServer.from_base(telegram.url)))
    dispatcher = Dispatcher()
    dispatcher.include_router(owners)
    dispatcher.message.register(own_stats, Command("stats"))
    dispatcher.message.register(echo)
    instrument(dispatcher, bot, tracker)
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1))
    try:
        yield dispatcher
    finally:
        await dispatcher.stop_polling()
        await polling
        await asyncio.to_thread(tracker.shutdown, 0.2)  # some have nowhere to send to


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The dashboard on loopback, in a thread."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(token="42:TEST") as server:
        yield server


@pytest.fixture
async def web() -> AsyncIterator[WebApiServer]:
    async with WebApiServer() as server:
        yield server


async def test_owners_see_their_bot_and_are_not_in_it(
    telegram: TelegramServer, clickhouse: EmbeddedClickHouse, tmp_path: Path
) -> None:
    with web_stage(clickhouse, tmp_path) as stage, served(stage.app()) as site:
        tracker = create_tracker("my-bot", endpoint=stage.sidecar_url)
        async with running(telegram, tracker, owner_router(OWNERS, site, WEB_TOKEN)):
            ann = telegram.person(1001, name="Ann <Lee>", username="ann")
            await ann.send("hello")
            await ann.wait(lambda message: message.text == "You said: hello")
            await ann.send("/stats")
            await ann.wait(lambda message: message.text == "Your score is 3")
            assert await asyncio.to_thread(tracker.flush)
            await asyncio.to_thread(stage.settle)
            emitted = tracker.emitted
            owner = telegram.person(OWNER, name="Root")
            await owner.send("/stats 30d")
            stats = await owner.wait(lambda message: message.photo)
            assert stats.photo is not None
            assert (stats.photo[-1].width, stats.photo[-1].height) == (1000, 520)
            assert "The last 30 days\nPeople: 1\nNew: 1\n" in (stats.caption or "")
            await owner.send("/find ANN")
            found = await owner.wait(lambda message: "Ann <Lee> @ann" in (message.text or ""))
            (trail,) = [entity.url for entity in found.entities or () if entity.type == "text_link"]
            assert trail == f"{site}/analytics/users/1001"
            await owner.send("/dashboard")
            link = await owner.wait(lambda message: "/login/link?token=" in (message.text or ""))
            assert link.has_protected_content
            await owner.send("/find nobody & <b>")
            await owner.wait(lambda message: "has “nobody & <b>” in it" in (message.text or ""))
            russian = telegram.person(RUSSIAN_OWNER, language_code="ru")
            await russian.send("/STATS all")
            await russian.wait(lambda message: "За всё время\nЛюди: 1\n" in (message.caption or ""))
            assert tracker.emitted == emitted
            page = await asyncio.to_thread(_open, site, link.text or "", trail)
            assert "Ann &lt;Lee&gt;" in page


def _open(site: str, said: str, trail: str) -> str:
    """Sign in by the link that the bot sent, and open the trail that it sent."""
    address = re.search(r"http\S+", said)
    assert address
    with httpx.Client(follow_redirects=True, timeout=20) as browser:
        token = re.search(r'name="token" value="([^"]+)"', browser.get(address[0]).text)
        assert token
        browser.post(f"{site}/login/link", data={"token": token[1]}, headers={"Origin": site}).raise_for_status()
        return browser.get(trail).raise_for_status().text


async def test_a_dashboard_in_trouble_is_named_and_its_token_is_not(
    telegram: TelegramServer, web: WebApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    owner = telegram.person(OWNER)

    async def said(command: str, api: str, token: str | None) -> str:
        with OtlpReceiver() as receiver:
            router = owner_router(OWNERS, api, token)
            async with running(telegram, create_tracker("my-bot", endpoint=receiver.url), router):
                await owner.send(command)
                return (await owner.wait()).text or ""

    web.problem = 503
    no_answer = f"The dashboard at {web.url} gave no answer"
    assert f"{no_answer} (503 ClickHouse is away)" in await said("/stats", web.url, TOKEN)
    assert f"{no_answer} (503 ClickHouse is away)" in await said("/dashboard", web.url, TOKEN)
    web.problem = None
    assert f"{no_answer} (401 Authentication required)" in await said("/stats", web.url, "another-token")
    assert f"{no_answer} (no token is set" in await said("/find Ann", web.url, None)
    web.stats = {"figures": {}}
    assert f"{no_answer} (its answer is not of the expected form)" in await said("/stats", f"{web.url}/", TOKEN)
    assert "(ConnectError)" in await said("/stats", "http://127.0.0.1:9", TOKEN)
    said_and_logged = f"{caplog.text} {[message.text for message in owner.history]}"
    assert not [token for token in (TOKEN, "another-token") if token in said_and_logged]


async def test_a_dashboard_that_never_answers_is_named_after_a_while(
    telegram: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chattrail.aiogram.owner.client.LIMIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with running(telegram, _nowhere(), owner_router(OWNERS, api, TOKEN)):
            owner = telegram.person(OWNER)
            await owner.send("/stats")
            assert "(no answer within 0.2 s)" in ((await owner.wait()).text or "")


def _nowhere() -> Tracker:
    return create_tracker("my-bot", endpoint="http://127.0.0.1:9")


async def test_a_proxy_of_the_bot_is_not_asked_for_this_machine(
    telegram: TelegramServer, web: WebApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with running(telegram, _nowhere(), owner_router(OWNERS, web.url, TOKEN)):
        owner = telegram.person(OWNER)
        await owner.send("/dashboard")
        await owner.wait(lambda message: "one-time-1" in (message.text or ""))


async def test_odd_questions_are_answered_with_how_to_ask(telegram: TelegramServer, web: WebApiServer) -> None:
    async with running(telegram, _nowhere(), owner_router(OWNERS, web.url, TOKEN)):
        owner = telegram.person(OWNER)
        for command, usage in (
            ("/stats 5y", "/stats 30d"),
            ("/find", "/find and a part"),
            (f"/find {'x' * 101}", "100"),
        ):
            await owner.send(command)
            assert usage in ((await owner.wait()).text or "")
        web.stats["activity"] = []
        await owner.send("/stats")
        assert "People: 1,234 (+100 %)\n" in ((await owner.wait()).text or ""), "no chart without anything to draw"


async def test_in_a_group_and_to_others_the_commands_do_not_exist(telegram: TelegramServer, web: WebApiServer) -> None:
    async with running(telegram, _nowhere(), owner_router(OWNERS, web.url, TOKEN)):
        owner, ann = telegram.person(OWNER), telegram.person(1001)
        group = telegram.group(-100123)
        group.say(owner, "/dashboard")
        await ann.send("/dashboard")
        await ann.wait(lambda message: message.text == "You said: /dashboard")
        await owner.send("/stats")  # updates are handled in their order, so what the group caused has been asked for
        await owner.wait(lambda message: message.photo)
        assert web.login_links == 0


async def test_figures_are_of_the_bot_that_is_asked(telegram: TelegramServer, web: WebApiServer) -> None:
    web.stats["premium"] = {"revenue": [{"currency": "XTR", "amount": 5, "minor_digits": 0}]}
    web.stats["premium"]["revenue"].append({"currency": "USD", "amount": 1234.5, "minor_digits": 2})
    async with running(telegram, _nowhere(), owner_router(OWNERS, web.url, TOKEN)):
        owner = telegram.person(OWNER)
        for web.bots in (None, ["7", "my-bot"], ["7", "42"]):
            await owner.send("/stats")
            answer = await owner.wait()
            assert "\nUSD: 1,234.50\n" in (answer.caption or "")
    assert web.asked == [{"range": "7d"}, {"range": "7d"}, {"range": "7d", "bot": "42"}]


class Slow(BaseMiddleware):
    """Takes longer than an incoming event waits to be recorded."""

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        for _ in range(20):
            await asyncio.sleep(0)
        return await handler(event, data)


async def test_a_slow_middleware_before_the_router_does_not_have_its_commands_recorded(
    telegram: TelegramServer, web: WebApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = _nowhere()
    async with running(telegram, tracker, owner_router(OWNERS, web.url, TOKEN)) as dispatcher:
        (updates,) = (one for one in dispatcher.update.outer_middleware if isinstance(one, Updates))
        monkeypatch.setattr(sys.modules[type(updates._deferred).__module__], "SECONDS", 0.0)
        dispatcher.update.outer_middleware(Slow())
        owner = telegram.person(OWNER)
        await owner.send("/dashboard")
        await owner.wait(lambda message: "one-time-1" in (message.text or ""))
        assert tracker.emitted == 0
        await owner.send("hello")
        await owner.wait(lambda message: message.text == "You said: hello")
        assert tracker.emitted > 0, "negative control: what else an owner writes is recorded"
