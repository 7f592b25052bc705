"""/stats and /dashboard for admins; to everybody else these commands do not exist."""

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


async def test_stats_are_text_and_a_chart(bot: RunningBot) -> None:
    admin = bot.telegram.person(ADMIN, name="Root")
    await admin.send("/stats")
    figures = await admin.wait(says("The last 7 days"))
    assert "People: 1,234 (+100 %)" in (figures.text or "")
    chart = await admin.wait(lambda message: message.photo)
    assert chart.photo is not None
    assert chart.photo[-1].width > 800
    assert [event.type for event in await bot.events()] == ["command"]  # figures are no part of a trail


async def test_stats_in_russian(bot: RunningBot) -> None:
    admin = bot.telegram.person(ADMIN, language_code="ru")
    await admin.send("/stats")
    assert "Люди: 1\xa0234 (+100 %)" in ((await admin.wait(says("Последние 7 дней"))).text or "")


async def test_the_dashboard_link_is_fresh_each_time_and_stays_out_of_analytics(
    bot: RunningBot, web: WebApiServer
) -> None:
    admin = bot.telegram.person(ADMIN)
    for number in (1, 2):
        await admin.send("/dashboard")
        sent = await admin.wait(says(f"one-time-{number}"))
        assert "until 16:45 UTC" in (sent.text or "")
        assert sent.has_protected_content
    assert not any("one-time" in str(event.attributes) for event in await bot.events())


@pytest.mark.parametrize("command", ["/stats", "/dashboard", "/refund 1 x"])
async def test_others_learn_nothing_of_admin_commands(bot: RunningBot, web: WebApiServer, command: str) -> None:
    ann = bot.telegram.person(1001)
    await ann.send("/no_such_command")
    unknown = await ann.wait()
    await ann.send(command)
    assert (await ann.wait()).text == unknown.text
    assert web.login_links == 0


@pytest.mark.parametrize("command", ["/stats", "/dashboard"])
async def test_a_web_that_has_trouble_is_named(bot: RunningBot, web: WebApiServer, command: str) -> None:
    web.problem = 503
    admin = bot.telegram.person(ADMIN)
    await admin.send(command)
    await admin.wait(says(f"{web.url} gave no answer (503 ClickHouse is away)"))


async def test_a_web_that_is_down_or_speaks_otherwise_is_named(web: WebApiServer) -> None:
    async with running_bot(admin_ids=str(ADMIN), web_url="http://127.0.0.1:9", web_token=TOKEN) as bot:
        admin = bot.telegram.person(ADMIN)
        await admin.send("/stats")
        await admin.wait(says("(ConnectError)"))
    async with running_bot(admin_ids=str(ADMIN), web_url=web.url, web_token="wrong-token") as bot:
        admin = bot.telegram.person(ADMIN)
        await admin.send("/stats")
        await admin.wait(says("401 Authentication required"))
    async with running_bot(admin_ids=str(ADMIN), web_url=web.url, web_token=TOKEN) as bot:
        web.stats = {"figures": {}}
        admin = bot.telegram.person(ADMIN)
        await admin.send("/stats")
        await admin.wait(says("not of the expected form"))
    async with running_bot(admin_ids=str(ADMIN)) as bot:
        admin = bot.telegram.person(ADMIN)
        await admin.send("/dashboard")
        await admin.wait(says("CHATTRAIL_BOT_WEB_TOKEN is not set"))


async def test_a_span_without_events_has_figures_and_no_chart(bot: RunningBot, web: WebApiServer) -> None:
    web.stats["activity"] = []
    web.stats["figures"] = {name: {"value": 0, "previous": None, "series": []} for name in web.stats["figures"]}
    admin = bot.telegram.person(ADMIN)
    await admin.send("/stats")
    assert "People: 0\n" in ((await admin.wait(says("The last 7 days"))).text or "")
    await bot.settled()
    assert not any(message.photo for message in admin.history)


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
