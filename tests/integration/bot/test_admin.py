"""What only admins can do; to everybody else these commands do not exist. How they answer: tests of chattrail's owner_router."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.bot_support import RunningBot, running_bot, says
from tests.support.fakes.otlp_receiver import until
from tests.support.fakes.web_api_server import TOKEN, WebApiServer

ADMIN = 5000


@pytest.fixture
async def web() -> AsyncIterator[WebApiServer]:
    async with WebApiServer() as server:
        yield server


@pytest.fixture
async def bot(web: WebApiServer) -> AsyncIterator[RunningBot]:
    async with running_bot(admin_ids=f"{ADMIN}, 5001", web_url=web.url, web_token=TOKEN) as running:
        yield running


async def test_admins_have_the_commands_of_owners_and_those_are_no_events(bot: RunningBot) -> None:
    admin = bot.telegram.person(ADMIN, name="Root", language_code="ru")
    await admin.send("/stats")
    await admin.wait(lambda message: message.photo and "Люди: 1\xa0234 (+100 %)" in (message.caption or ""))
    await admin.send("/dashboard")
    await admin.wait(says("one-time-1"))
    await admin.send("/refund")
    await admin.wait(says("Как пользоваться: /refund"))
    assert await bot.events() == []


@pytest.mark.parametrize("command", ["/stats", "/dashboard", "/find Ann", "/refund 1 x"])
async def test_others_learn_nothing_of_admin_commands(bot: RunningBot, web: WebApiServer, command: str) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("/no_such_command")
    unknown = await ann.wait()
    await ann.send(command)
    assert (await ann.wait()).text == unknown.text
    assert web.login_links == 0


async def test_without_a_token_admins_are_told_how_to_make_one() -> None:
    async with running_bot(admin_ids=str(ADMIN)) as bot:
        admin = bot.telegram.person(ADMIN)
        await admin.send("/dashboard")
        await admin.wait(says("no token is set; `python -m web token` makes one"))


async def test_menus_are_set_in_both_languages_and_for_admins(bot: RunningBot) -> None:
    admin = bot.telegram.person(ADMIN)
    await admin.send("/help")
    await admin.wait(says("/personas"))
    # default, en, ru, and two admins, of whom one never wrote to the bot
    await asyncio.to_thread(until, lambda: bot.telegram.calls.get("setMyCommands", 0) >= 5)
    await bot.settled()
    menus = {" ".join(key): str(value) for key, value in bot.telegram.profile.items()}
    assert "Choose whom" in menus["commands default//"]
    assert "Выбрать собеседника" in menus["commands default//ru"]
    assert "dashboard" not in "".join(menu for key, menu in menus.items() if "default" in key)
