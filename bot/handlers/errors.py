"""Exceptions that no handler catches: the log gets the stack, the person a friendly line."""

import logging

from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramForbiddenError
from aiogram.types import ErrorEvent

from bot.content.texts import Say
from bot.telegram import answer_button

_log = logging.getLogger(__name__)


async def apologise(error: ErrorEvent, bot: Bot) -> bool:
    """Log without the person's words (see bot.logs) and apologise to the person."""
    if isinstance(error.exception, TelegramForbiddenError):
        _log.info("an answer was not delivered: the person has blocked the bot")
        return True
    _log.error("update %d failed", error.update.update_id, exc_info=error.exception)
    query, message = error.update.callback_query, error.update.message
    event = query or message
    if event is None or event.from_user is None:
        return True
    say = Say.to(event.from_user.language_code)
    try:
        if query is not None:
            await answer_button(query)
        # A refund is a message from the bot: the person is the other side of its chat.
        person = message.chat.id if message is not None else event.from_user.id
        await bot.send_message(person, say("errors.unhandled"))
    except TelegramAPIError as second:
        _log.warning("the apology was not delivered: %s", second)
    return True
