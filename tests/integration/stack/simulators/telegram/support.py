"""What the tests of the simulated Bot API share: a real aiogram client, images, keyboards."""

import asyncio
import io
from typing import Any

from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import GetUpdates
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)
from PIL import Image

from stack.simulators.telegram.server import TelegramServer

TOKEN = "42:TEST"


def client(server: TelegramServer, token: str = TOKEN) -> Bot:
    session = AiohttpSession(api=TelegramAPIServer.from_base(server.url), timeout=15)
    return Bot(token, session=session, default=DefaultBotProperties())


def png(width: int = 640, height: int = 480, colour: str = "teal") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def photo(**size: Any) -> BufferedInputFile:
    return BufferedInputFile(png(**size), "picture.png")


def keyboard(*buttons: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text=t, callback_data=d)] for t, d in buttons])


async def updates(bot: Bot, **parameters: Any) -> list[Any]:
    return await bot(GetUpdates(**parameters))


def labels(message: Message) -> list[tuple[str, str | None]]:
    rows = message.reply_markup.inline_keyboard if message.reply_markup else []
    return [(button.text, button.callback_data) for row in rows for button in row]


async def called(telegram: TelegramServer, method: str, times: int) -> None:
    """Wait until the server has got this many calls."""
    while telegram.calls.get(method, 0) < times:  # noqa: ASYNC110 - the server counts, it does not signal
        await asyncio.sleep(0.001)


def told(record: Any) -> list[tuple[str, str, str]]:
    return [(entry.side, entry.kind, entry.text) for entry in record]


async def newest(bot: Bot, **parameters: Any) -> Any:
    """The newest update, by its kind."""
    (update,) = await updates(bot, offset=-1, **parameters)
    return update
