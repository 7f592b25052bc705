"""Analytics events for Telegram bots, as OpenTelemetry log records.

from chattrail import create_tracker
from chattrail.aiogram import instrument

instrument(dispatcher, bot, create_tracker("my-bot"))
"""

from chattrail.context import Chat, Person
from chattrail.export import create_tracker
from chattrail.tracker import Tracker

__all__ = ["Chat", "Person", "Tracker", "create_tracker"]
