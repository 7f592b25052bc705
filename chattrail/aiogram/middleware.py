"""Updates that come in: the context that each gives to its events, and the event that it is."""

import logging
from collections.abc import Awaitable, Callable
from traceback import walk_tb
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher
from aiogram.dispatcher.event.bases import CancelHandler, SkipHandler
from aiogram.dispatcher.event.handler import CallableObject, HandlerObject
from aiogram.methods import TelegramMethod
from aiogram.types import TelegramObject, Update
from aiogram.types.update import UpdateTypeLookupError

from chattrail.aiogram.bots import Bots, InstrumentedBot
from chattrail.aiogram.owner import OwnerRouter
from chattrail.botapi.deferred import DeferredEvents
from chattrail.botapi.failures import failure_of, handler_of
from chattrail.botapi.recorder import recorder_of
from chattrail.botapi.updates import UPDATES
from chattrail.context import UpdateContext, current_update
from chattrail.events import Command, Event
from chattrail.genai import watch
from chattrail.rate_limited_log import RateLimitedLog, error_location

_log = RateLimitedLog(logging.getLogger("chattrail"))
_FAILED = "chattrail_failed_update"

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Updates(BaseMiddleware):
    """Records what people send, and exceptions of handlers. It sees them before `@dispatcher.error()` does."""

    def __init__(self, key: str, dispatcher: Dispatcher) -> None:
        self.bots = Bots()
        self._key = key
        self._dispatcher = dispatcher
        self._deferred = DeferredEvents()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Handle an update inside its context."""
        bot = self._bot(data)
        if bot is None:
            return await handler(event, data)
        tracker, data[self._key] = bot.tracker, bot.tracker
        watch()
        context = UpdateContext(tracker, bot.account, is_owners=self._is_owners)
        waits = self._arrive(bot, context, event)
        token = current_update.set(context)
        try:
            result = await handler(event, data)
            self._returned(bot, context, result)
            return result
        except (SkipHandler, CancelHandler):
            raise
        except Exception as error:
            tracker.backlog.drain()
            recorder_of(tracker).handler_failed(failure_of(error, _handler_of(error)), context)
            data[_FAILED] = context
            raise
        finally:
            if waits:
                self._deferred.end(context)
                tracker.backlog.add(0, tracker.settle, context)
            tracker.backlog.hurry()
            context.ended = True
            current_update.reset(token)

    def _bot(self, data: dict[str, Any]) -> InstrumentedBot | None:
        try:
            bot = data.get("bot")
            return self.bots.of(bot) if isinstance(bot, Bot) else None
        except Exception as error:
            _log.warning("an update was not recorded: %s", error_location(error))
            return None

    def _arrive(self, bot: InstrumentedBot, context: UpdateContext, update: TelegramObject) -> bool:
        """Have an update recorded; tell whether there may be an event that waits for what the handlers know."""
        if not isinstance(update, Update) or (kind := _kind(update)) is None:
            return False
        tracker, rule = bot.tracker, UPDATES.get(kind)
        waits = rule is not None and rule.read is not None
        arrive = recorder_of(tracker).arrive
        tracker.backlog.add(int(waits), arrive, context, update.update_id, kind, getattr(update, kind))
        if waits:
            self._deferred.begin(tracker, context)
        return waits

    def _is_owners(self, event: Event, context: UpdateContext) -> bool:
        routers = self._dispatcher.chain_tail if isinstance(event, Command) else ()
        return any(isinstance(router, OwnerRouter) and router.takes(event, context) for router in routers)

    def _returned(self, bot: InstrumentedBot, context: UpdateContext, result: object) -> None:
        if not isinstance(result, TelegramMethod):
            return
        try:
            if bot.webhook_replies:
                bot.sends.expect_in_response(result, context, bot.tracker)
            else:
                bot.sends.expect(result, context)
        except Exception as error:
            bot.tracker.lost("instrumentation", error)


class Failures(BaseMiddleware):
    """Lets handlers of exceptions, which run when the update has ended, be a part of it: their apology is its answer."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Handle an exception inside its update's context."""
        context = data.pop(_FAILED, None)
        if not isinstance(context, UpdateContext):
            return await handler(event, data)
        context.ended = False
        token = current_update.set(context)
        try:
            return await handler(event, data)
        finally:
            context.ended = True
            current_update.reset(token)


def _handler_of(error: BaseException) -> str | None:
    """Return the handler that raised an exception; where it was another function of the bot's, such as a middleware, that one."""
    found = None
    for frame, _ in walk_tb(error.__traceback__):
        one = frame.f_locals.get("self") if frame.f_code is CallableObject.call.__code__ else None
        callback = one.callback if isinstance(one, HandlerObject) else None
        # a partial function has no name, and aiogram's dispatcher is a handler of its own
        module, name = (getattr(callback, attribute, None) for attribute in ("__module__", "__qualname__"))
        if module and name and module.split(".")[0] != "aiogram":
            found = f"{module}.{name}"
    return found or handler_of(error, "aiogram")


def _kind(update: Update) -> str | None:
    """Return which field of the update is set; None for a kind that is newer than this aiogram."""
    try:
        return update.event_type
    except UpdateTypeLookupError:
        return None
