"""A simulated Telegram, a bot on it, and a person the bot may write to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiogram import Bot, Dispatcher

from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import TOKEN, client


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(token=TOKEN, keeps_record=True) as server:
        yield server


@pytest.fixture
async def bot(telegram: TelegramServer) -> AsyncIterator[Bot]:
    async with client(telegram) as made:
        yield made


@pytest.fixture
async def ann(telegram: TelegramServer) -> Any:
    """A person the bot may write to."""
    person = telegram.person(1001, name="Ann Lee", username="ann", language_code="en", is_premium=True)
    await person.send("hello")
    return person


@pytest.fixture
async def polling(bot: Bot) -> AsyncIterator[Callable[[Dispatcher], None]]:
    """Run a dispatcher by long polling until the test ends."""
    running: list[tuple[Dispatcher, asyncio.Task[None]]] = []

    def start(dispatcher: Dispatcher) -> None:
        work = dispatcher.start_polling(bot, handle_signals=False, close_bot_session=False, polling_timeout=5)
        running.append((dispatcher, asyncio.create_task(work)))

    yield start
    for dispatcher, task in running:
        await dispatcher.stop_polling()
        await task
