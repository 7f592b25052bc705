"""Events for any bot of pyTelegramBotAPI 4.20 or newer, TeleBot or AsyncTeleBot, without touching its handlers.

    instrument(bot, create_tracker("my-bot"))

What people send becomes user_message, command and so on, what the bot sends bot_message or ai_message, and an exception of a
handler handler_failed: docs/integrations.md says what can be seen.
"""

from importlib.metadata import version

try:
    from telebot import TeleBot
except ImportError as error:
    raise ImportError(
        "chattrail.telebot needs pyTelegramBotAPI 4.20 or newer: pip install 'chattrail[telebot]'"
    ) from error
try:
    from telebot.async_telebot import AsyncTeleBot
except ImportError:  # it needs aiohttp, which pyTelegramBotAPI does not require
    AsyncTeleBot = None  # type: ignore[assignment,misc]

from chattrail.tracker import Tracker

__all__ = ["instrument"]

_OLDEST = (4, 20)


def instrument(bot: "TeleBot | AsyncTeleBot", tracker: Tracker) -> None:
    """Record what passes through the bot. A second time does nothing.

    Raises RuntimeError with a pyTelegramBotAPI that is too old, TypeError when `bot` is none of its bots.
    """
    installed = version("pyTelegramBotAPI")
    if tuple(int(part) for part in installed.split(".")[:2]) < _OLDEST:
        needed = ".".join(map(str, _OLDEST))
        raise RuntimeError(
            f"pyTelegramBotAPI {installed} is installed; chattrail needs {needed} or newer: pip install 'chattrail[telebot]'"
        )
    if AsyncTeleBot is not None and isinstance(bot, AsyncTeleBot):
        from chattrail.telebot.asynchronous import install as install_asynchronous

        install_asynchronous(bot, tracker)
    elif isinstance(bot, TeleBot):
        from chattrail.telebot.synchronous import install

        install(bot, tracker)
    else:
        raise TypeError(f"instrument() takes a TeleBot or an AsyncTeleBot, not a {type(bot).__name__}")
