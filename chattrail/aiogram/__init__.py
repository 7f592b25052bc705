"""Events for any aiogram 3 bot, without touching its handlers.

    instrument(dispatcher, bot, create_tracker("my-bot"))

What people send becomes start_command, command, user_message, premium_action, bot_blocked and bot_unblocked; what the
bot sends becomes ai_message, image_generated and premium_action; an exception that reaches the dispatcher becomes
handler_failed. Handlers that declare `tracker: Tracker` get it, to track what only they know.
"""

from aiogram import Bot, Dispatcher
from aiogram.types import ChatMemberUpdated

from chattrail.aiogram.middleware import HandlerName, Outgoing, Updates
from chattrail.tracker import Tracker

__all__ = ["instrument"]


def instrument(dispatcher: Dispatcher, bot: Bot, tracker: Tracker, *, webhook_replies: bool = False) -> None:
    """Record what passes through the dispatcher and the bot. Call it once for each bot; a second time does nothing.

    Polling then also asks for `my_chat_member` updates; a webhook has to name them in `set_webhook(allowed_updates=…)`
    if it names any, for bot_blocked to be seen.

    webhook_replies: set it when a webhook runs with `handle_in_background=False` and handlers return methods. Such a
    method leaves inside the HTTP response and never passes the bot's session, so it is recorded when it is returned:
    without Telegram's message id, and without knowing whether it was delivered.
    """
    dispatcher["tracker"] = tracker
    outgoing = next((known for known in bot.session.middleware if _is_ours(known, Outgoing, tracker)), None)
    if not isinstance(outgoing, Outgoing):
        outgoing = Outgoing(tracker)
        bot.session.middleware(outgoing)
    if any(_is_ours(known, Updates, tracker) for known in dispatcher.update.outer_middleware):
        return
    _before_storage(dispatcher, Updates(tracker, outgoing, webhook_replies=webhook_replies))
    # aiogram asks Telegram only for updates that have a handler; who blocks the bot is told by one that few bots handle.
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
