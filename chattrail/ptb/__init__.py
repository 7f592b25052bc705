"""Events for any bot of python-telegram-bot 21 or newer, without touching its handlers.

    instrument(application, create_tracker("my-bot"))

What people send becomes user_message, command and so on, what the bot sends bot_message or ai_message, and an exception of a
handler handler_failed: docs/integrations.md says what can be seen.
"""

from typing import Any

try:
    from telegram import __version_info__ as _installed
    from telegram.ext import Application
except ImportError as error:
    raise ImportError("chattrail.ptb needs python-telegram-bot 21 or newer: pip install 'chattrail[ptb]'") from error

from chattrail.tracker import Tracker

__all__ = ["instrument"]


def instrument(application: Application[Any, Any, Any, Any, Any, Any], tracker: Tracker) -> None:
    """Record what passes through the application and its bot. A second time does nothing.

    Raises RuntimeError with a python-telegram-bot that is too old.
    """
    if _installed[0] < 21:
        installed = ".".join(map(str, _installed[:2]))
        raise RuntimeError(
            f"python-telegram-bot {installed} is installed; chattrail needs 21 or newer: pip install 'chattrail[ptb]'"
        )
    from chattrail.ptb.install import install

    install(application, tracker)
