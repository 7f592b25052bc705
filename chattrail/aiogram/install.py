"""Puts the middlewares into a bot and its dispatcher."""

from aiogram import Bot, Dispatcher
from aiogram.types import ChatMemberUpdated

from chattrail.aiogram.middleware import HandlerName, Outgoing, Updates
from chattrail.tracker import Tracker


def install(dispatcher: Dispatcher, bot: Bot, tracker: Tracker, *, webhook_replies: bool) -> None:
    """Add what is not there yet."""
    dispatcher["tracker"] = tracker
    outgoing = next((known for known in bot.session.middleware if _is_ours(known, Outgoing, tracker)), None)
    if not isinstance(outgoing, Outgoing):
        outgoing = Outgoing(tracker)
        bot.session.middleware(outgoing)
    if any(_is_ours(known, Updates, tracker) for known in dispatcher.update.outer_middleware):
        return
    _before_storage(dispatcher, Updates(tracker, outgoing, webhook_replies=webhook_replies))
    # aiogram asks Telegram only for updates that have a handler; few bots handle the one that says who blocks them.
    dispatcher.my_chat_member.register(_nobody, _never)
    for name, observer in dispatcher.observers.items():
        if name not in ("update", "error"):
            observer.middleware(HandlerName())


def _before_storage(dispatcher: Dispatcher, updates: Updates) -> None:
    """Put the middleware before aiogram's FSM one, so that an update is recorded when the FSM's storage fails."""
    known = dispatcher.update.outer_middleware._middlewares
    known.insert(known.index(dispatcher.fsm) if dispatcher.fsm in known else len(known), updates)


async def _nobody(event: ChatMemberUpdated) -> None:
    """Handle nothing: `_never` keeps every update from it."""


async def _never(event: ChatMemberUpdated) -> bool:
    return False


def _is_ours(middleware: object, kind: type[Outgoing] | type[Updates], tracker: Tracker) -> bool:
    return isinstance(middleware, kind) and middleware.tracker is tracker
