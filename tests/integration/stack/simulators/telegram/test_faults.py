"""Faults that a test orders: 429, 5xx, lost connections, delays, flood limits."""

import asyncio
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)

from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import photo


async def test_ordered_faults_come_once(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    telegram.fail_next("sendMessage", retry_after=7)
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(1001, "x")
    assert flood.value.retry_after == 7
    telegram.fail_next("sendMessage", code=502, description="Bad Gateway", times=2)
    for _ in range(2):
        with pytest.raises(TelegramServerError, match="Bad Gateway"):
            await bot.send_message(1001, "x")
    telegram.fail_next("sendPhoto", code=400, description="Bad Request: chat not found")
    assert await bot.send_message(1001, "another method is not touched")
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await bot.send_photo(1001, photo())
    telegram.fail_next("*", hang_up=True)
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(1001, "x")
    telegram.faults.delay_next("getMe", 0.2)
    started = asyncio.get_running_loop().time()
    await bot.get_me()
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_a_flood_limit_counts_for_each_chat(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await telegram.person(1002, name="Bo").send("hi")
    telegram.faults.limit("sendMessage", calls=2, seconds=60)
    for _ in range(2):
        await bot.send_message(1001, "x")
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(1001, "x")
    assert 55 <= flood.value.retry_after <= 60
    assert await bot.send_message(1002, "another chat")
    telegram.faults.clear()
    assert await bot.send_message(1001, "x")
