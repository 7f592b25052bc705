"""Talking to Telegram: chat actions while working, long texts in pieces, buttons answered whatever happens, 429 obeyed."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from html import escape
from itertools import count
from typing import Any

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import RestartingTelegram, TelegramAPIError, TelegramBadRequest, TelegramRetryAfter
from aiogram.methods import Response, SendChatAction, TelegramMethod
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

_log = logging.getLogger(__name__)
_ACTION_LASTS = 4.5  # Telegram shows an action for 5 s
_ACTION_DELAY = 0.15  # a quick answer needs none
_ATTEMPTS = 4  # at a request that Telegram asks to repeat later
_LONGEST_WAIT = 60.0  # seconds, over all of them
_PIECE = 3500  # below Telegram's 4096, which counts in UTF-16
_GESTURE = re.compile(r"\*([^*\n]{1,200})\*")


@asynccontextmanager
async def showing(bot: Bot, chat_id: int, action: str) -> AsyncIterator[None]:
    """Show an action ("typing") for as long as the block runs; an error of the action is ignored."""

    async def show() -> None:
        await asyncio.sleep(_ACTION_DELAY)
        while True:
            with suppress(TelegramAPIError):
                await bot.send_chat_action(chat_id, action)
            await asyncio.sleep(_ACTION_LASTS)

    task = asyncio.create_task(show())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def spoken(text: str) -> str:
    """Turn a persona's words into HTML: everything escaped, *gestures* in italics."""
    return _GESTURE.sub(r"<i>\1</i>", escape(text, quote=False))


def pieces(text: str) -> list[str]:
    """Cut a text to what one message holds, at a paragraph, line or word where there is one."""
    cut = []
    while len(text.encode("utf-16-le")) // 2 > _PIECE:
        head = text.encode("utf-16-le")[: _PIECE * 2].decode("utf-16-le", "ignore")
        at = max(head.rfind(mark, _PIECE // 2) for mark in ("\n", ". ", " "))
        at = at + 1 if at > 0 else len(head)
        cut.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*cut, text]


async def say_as_persona(bot: Bot, chat_id: int, text: str, buttons: InlineKeyboardMarkup) -> None:
    """Send a persona's words, the buttons below the last piece."""
    *parts, last = pieces(text)
    for part in parts:
        await bot.send_message(chat_id, spoken(part))
    await bot.send_message(chat_id, spoken(last), reply_markup=buttons)


async def answer_button(callback: CallbackQuery, text: str | None = None, *, alert: bool = False) -> None:
    """End the button's spinner. Telegram refuses an old press, whose spinner has ended."""
    with suppress(TelegramBadRequest):
        await callback.answer(text, show_alert=alert)


async def drop_buttons(callback: CallbackQuery) -> None:
    """Take the buttons off the message that was pressed, so that they are not pressed again."""
    if isinstance(callback.message, Message):
        with suppress(TelegramBadRequest):  # gone or too old to change
            await callback.message.edit_reply_markup(reply_markup=None)


class ObeyFloodLimits(BaseRequestMiddleware):
    """Waits as long as Telegram asks (429) and tries again; gives up when that is too long to make a person wait."""

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Response[Any]:
        """Make the request, again if need be. Only refusals are repeated: a lost answer may mean a sent message."""
        waited = 0.0
        for attempt in count(1):
            try:
                return await make_request(bot, method)
            except (TelegramRetryAfter, RestartingTelegram) as error:
                pause = float(error.retry_after) if isinstance(error, TelegramRetryAfter) else 1.0
                waited += pause
                if attempt == _ATTEMPTS or waited > _LONGEST_WAIT or isinstance(method, SendChatAction):
                    raise
                _log.warning("Telegram asks %s to wait %g s", type(method).__name__, pause)
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")
