"""The command menu that Telegram shows, in every language; admins see theirs too."""

import logging
from collections.abc import Iterable

from aiogram import Bot
from aiogram.exceptions import TelegramAPIError
from aiogram.types import BotCommand, BotCommandScopeChat

from bot.content.personas import LANGUAGES
from bot.content.texts import Say

_log = logging.getLogger(__name__)
_EVERYONE = ("start", "personas", "picture", "premium", "language", "clear", "help")
_ADMINS = ("stats", "dashboard", "find", "refund")


async def publish(bot: Bot, admins: Iterable[int]) -> None:
    """Set the menus. The bot works without them, so a failure is only logged."""
    try:
        await bot.set_my_commands(_menu(Say("en"), _EVERYONE))
        for language in LANGUAGES:
            await bot.set_my_commands(_menu(Say(language), _EVERYONE), language_code=language)
    except TelegramAPIError as error:
        _log.warning("the command menu was not set: %s", error)
        return
    for admin in sorted(admins):
        try:
            await bot.set_my_commands(_menu(Say("en"), _EVERYONE + _ADMINS), scope=BotCommandScopeChat(chat_id=admin))
        except TelegramAPIError:  # Telegram knows no chat with an admin who never wrote to the bot
            _log.info("admin %d gets a menu after the first /start and the next start of the bot", admin)


def _menu(say: Say, names: Iterable[str]) -> list[BotCommand]:
    return [BotCommand(command=name, description=say.plain(f"commands.{name}")) for name in names]
