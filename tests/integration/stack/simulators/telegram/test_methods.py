"""Who the bot is, how it is called, and what it says about itself."""

import random
import re
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.types import (
    BotCommand,
)

from stack.simulators.telegram.methods import METHODS
from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import TOKEN, client
from tests.support.paths import ROOT


async def test_get_me_and_the_token(telegram: TelegramServer, bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.is_bot, me.username) == (42, True, "persona_demo_bot")
    async with client(telegram, "42:WRONG") as stranger:
        with pytest.raises(TelegramUnauthorizedError, match="Unauthorized"):
            await stranger.get_me()


async def test_an_unknown_method_is_404(bot: Bot) -> None:
    class Nonsense(TelegramMethod[bool]):
        __returning__ = bool
        __api_method__ = "sendNonsense"

    with pytest.raises(TelegramNotFound, match="Not Found: method not found"):
        await bot(Nonsense())


async def test_method_names_are_read_without_case_and_from_query_form_and_json(
    telegram: TelegramServer, ann: Any
) -> None:
    url = f"{telegram.url}/bot{TOKEN}/SENDmessage"
    async with aiohttp.ClientSession() as session:
        async with session.get(url, params={"chat_id": 1001, "text": "query"}) as response:
            assert (await response.json())["result"]["text"] == "query"
        async with session.post(url, data={"chat_id": 1001, "text": "form"}) as response:
            assert (await response.json())["result"]["text"] == "form"
        async with session.post(url, json={"chat_id": 1001, "text": "json"}) as response:
            assert (await response.json())["result"]["text"] == "json"
        async with session.post(url, data=b"{", headers={"Content-Type": "application/json"}) as response:
            assert response.status == 400
            assert await response.json() == {
                "ok": False,
                "error_code": 400,
                "description": "Bad Request: can't parse JSON object",
            }
        async with session.get(f"{telegram.url}/elsewhere") as response:
            assert (response.status, (await response.json())["ok"]) == (404, False)


async def test_the_bot_describes_itself(bot: Bot) -> None:
    commands = [BotCommand(command="start", description="begin"), BotCommand(command="help", description="help")]
    assert await bot.set_my_commands(commands)
    assert await bot.set_my_commands(commands[:1], language_code="ru")
    assert [command.command for command in await bot.get_my_commands()] == ["start", "help"]
    assert [command.description for command in await bot.get_my_commands(language_code="ru")] == ["begin"]
    assert await bot.delete_my_commands()
    assert await bot.get_my_commands() == []
    assert await bot.set_my_description("A bot", language_code="en")
    assert (await bot.get_my_description(language_code="en")).description == "A bot"
    assert (await bot.get_my_description()).description == ""
    assert await bot.set_my_short_description("short")
    assert (await bot.get_my_short_description()).short_description == "short"
    assert (await bot.get_my_name()).name == "Persona Demo"
    with pytest.raises(TelegramBadRequest, match="BOT_COMMAND_INVALID"):
        await bot.set_my_commands([BotCommand(command="No Spaces", description="x")])
    with pytest.raises(TelegramBadRequest, match="description is too long"):
        await bot.set_my_description("x" * 513)


GARBAGE: list[Any] = [
    None,
    "",
    "x",
    -1,
    10**30,
    1.5,
    True,
    [],
    [1],
    [[]],
    [{}],
    {},
    {"type": 1},
    [[{"text": 1}]],
    "[{}]",
    "{",
]
NAMES = """
chat_id text entities parse_mode reply_markup reply_parameters media photo caption caption_entities commands scope offset
language_code limit timeout allowed_updates message_id message_ids from_chat_id callback_query_id file_id title description
payload currency prices user_id telegram_payment_charge_id pre_checkout_query_id error_message menu_button url secret_token
max_connections name short_description action document voice sticker
"""


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_nonsense_is_refused_and_never_breaks_the_server(
    telegram: TelegramServer, ann: Any, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(method)
    async with aiohttp.ClientSession() as session:
        for _ in range(40):
            body = {name: chance.choice(GARBAGE) for name in NAMES.split() if chance.random() < 0.7}
            body |= {"timeout": 0}
            if chance.random() < 0.7:
                body |= {"chat_id": 1001, "from_chat_id": 1001, "message_id": 1}
            async with session.post(f"{telegram.url}/bot{TOKEN}/{method}", json=body) as response:
                answer = await response.json()
                assert answer["ok"] is (response.status == 200)
                assert response.status < 500, (body, caplog.text)


def test_the_document_names_every_method() -> None:
    text = (ROOT / "docs" / "simulation.md").read_text().split("<!-- methods -->")[1].split("<!-- end -->")[0]
    named = {name.lower() for name in re.findall(r"`([a-z][A-Za-z]+)`", text)} - {"get", "delete"}
    unnamed = {name for name in METHODS if not name.startswith(("getmy", "deletemy", "getchatmenu"))}
    assert named == unnamed
