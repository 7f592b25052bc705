"""Analytics events for Telegram bots, as OpenTelemetry log records.

from chattrail import create_tracker
from chattrail.aiogram import instrument

instrument(dispatcher, bot, create_tracker("my-bot"))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chattrail.context import Chat, Person
    from chattrail.export.pipeline import create_tracker
    from chattrail.tracker import Tracker

__all__ = ["Chat", "Person", "Tracker", "create_tracker"]

_HOMES = {"Chat": "context", "Person": "context", "Tracker": "tracker", "create_tracker": "export.pipeline"}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: parts that only read their settings here need no OpenTelemetry."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
