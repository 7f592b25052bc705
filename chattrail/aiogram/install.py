"""Puts the middlewares into a dispatcher, and what sees a bot's calls into its session."""

from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.dispatcher.event.handler import HandlerObject
from aiogram.types import TelegramObject

from chattrail.aiogram.middleware import Failures, Updates
from chattrail.botapi.updates import UPDATES
from chattrail.tracker import Tracker

KEY = "chattrail_tracker"


def install(dispatcher: Dispatcher, bot: Bot, tracker: Tracker, *, webhook_replies: bool) -> None:
    """Add what is not there yet."""
    known = [one for one in dispatcher.update.outer_middleware if isinstance(one, Updates)]
    updates = known[0] if known else Updates(KEY, dispatcher)
    updates.bots.add(bot, tracker, webhook_replies=webhook_replies)
    if known:
        return
    dispatcher[KEY] = tracker  # at startup, too; during an update it is the tracker of the update's bot
    dispatcher.errors.outer_middleware(Failures())
    dispatcher.startup.register(updates.bots.at_startup)
    _before_storage(dispatcher, updates)
    for name, observer in dispatcher.observers.items():
        # aiogram asks Telegram only for updates that have a handler; few bots handle edits, reactions or who blocks them.
        if name in UPDATES and UPDATES[name].read is not None:
            observer.handlers.append(_NoHandler(_nobody))


def _before_storage(dispatcher: Dispatcher, updates: Updates) -> None:
    """Put the middleware before aiogram's FSM one, so that an update is recorded when the FSM's storage fails."""
    known = dispatcher.update.outer_middleware._middlewares
    known.insert(known.index(dispatcher.fsm) if dispatcher.fsm in known else len(known), updates)


class _NoHandler(HandlerObject):
    """Never handles an update. It is asked for each one, before the handlers of other routers: a filter would take longer."""

    async def check(self, *args: Any, **kwargs: Any) -> tuple[bool, dict[str, Any]]:
        """Say no."""
        return False, {}


async def _nobody(event: TelegramObject) -> None:
    """Stand in for a handler's function."""
