"""The two ends of a bot where events show: updates that come in, and calls of the Bot API that go out."""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiogram import BaseMiddleware, Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.dispatcher.event.bases import CancelHandler, SkipHandler
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import TelegramObject, Update

from chattrail.aiogram import incoming, outgoing
from chattrail.aiogram.deferred import DeferredEvents
from chattrail.context import Chat, EventTarget, Person, UpdateContext, current_details, current_update
from chattrail.events import HandlerFailed
from chattrail.tracker import Tracker

_MAX_RETURNED = 64
_BOT_TOKEN = re.compile(r"\d{3,}:[A-Za-z0-9_-]{10,}")
# Held, or a response now and then waits for its model to be built again: findings/aiogram-response-models-rebuilt.sh.
_RESPONSE_MODELS: dict[Any, type] = {}

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Outgoing(BaseRequestMiddleware):
    """Records what the bot sends, once Telegram has taken it."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self._returned: OrderedDict[int, tuple[TelegramMethod[Any], UpdateContext]] = OrderedDict()

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """Make the call and record it; a call that fails is the handler's to deal with."""
        result = await make_request(bot, method)
        try:
            _hold_response_model(method)
            self._record(method, result)
        except Exception as error:
            self.tracker.lost("instrumentation", error)
        return result

    def expect(self, method: TelegramMethod[Any], context: UpdateContext) -> None:
        """Remember that a handler returned `method`: polling sends it after the update is done."""
        self._returned[id(method)] = (method, context)
        if len(self._returned) > _MAX_RETURNED:
            self._returned.popitem(last=False)

    def record_returned(self, method: TelegramMethod[Any], context: UpdateContext) -> None:
        """Record a method that leaves inside the response to a webhook."""
        chat_id = getattr(method, "chat_id", None)
        if not isinstance(chat_id, int):
            return
        chat = context.chat if context.chat is not None and context.chat.id == chat_id else Chat(chat_id)
        target = _target(context, chat, Person(chat_id))
        if target is not None:
            for event in outgoing.read_returned(method, current_details.get()):
                self.tracker.record(event.event, target)

    def _record(self, method: TelegramMethod[Any], result: object) -> None:
        _, context = self._returned.pop(id(method), (None, current_update.get()))
        if context is not None and context.owner is not self.tracker:
            context = None
        token = current_update.set(context)
        try:
            for event in outgoing.read(method, result, current_details.get()):
                message = event.message
                if message is None:
                    continue
                known = incoming.other_side(message.chat)
                target = _target(context, incoming.chat(message.chat), known, message.message_id)
                if target is not None:
                    self.tracker.record(event.event, target)
        finally:
            current_update.reset(token)


def _hold_response_model(method: TelegramMethod[Any]) -> None:
    returned = type(method).__returning__
    if returned not in _RESPONSE_MODELS:
        _RESPONSE_MODELS[returned] = Response[returned]  # type: ignore[valid-type]


def _target(
    context: UpdateContext | None, chat: Chat, known: Person, message_id: int | None = None
) -> EventTarget | None:
    """Return the target of a message to `chat`; None when it has no user, such as a scheduled post to a group."""
    if context is not None and context.user is not None:
        same_chat = context.chat is not None and context.chat.id == chat.id
        if same_chat or context.user.id == chat.id:
            return EventTarget(context.user, chat, message_id=message_id)
    return EventTarget(known, chat, message_id=message_id) if chat.type == "private" else None


class Updates(BaseMiddleware):
    """Records what people send, and exceptions of handlers. It sees them before `@dispatcher.error()` does."""

    def __init__(self, tracker: Tracker, sent: Outgoing, *, webhook_replies: bool) -> None:
        self.tracker = tracker
        self._sent = sent
        self._deferred = DeferredEvents(tracker)
        self._webhook_replies = webhook_replies

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Handle an update inside its context."""
        context = UpdateContext(self.tracker)
        self._arrive(context, event, data)
        token = current_update.set(context)
        try:
            result = await handler(event, data)
            self._returned(context, result)
            return result
        except (SkipHandler, CancelHandler):
            raise
        except Exception as error:
            self.tracker.settle(context)
            self.tracker.record(
                HandlerFailed(error_type=type(error).__name__, message=_message(error), handler=context.handler),
                EventTarget(),
            )
            raise
        finally:
            self._deferred.end(context)
            self.tracker.settle(context)
            current_update.reset(token)

    def _arrive(self, context: UpdateContext, update: TelegramObject, data: dict[str, Any]) -> None:
        try:
            if not isinstance(update, Update):
                return
            user, chat = data.get("event_from_user"), data.get("event_chat")
            context.update_id = update.update_id
            context.user = incoming.person(user, chat)
            context.chat = None if chat is None else incoming.chat(chat)
            context.message_id = incoming.message_id(update.event)
            found = incoming.read(update)
            if found is None or context.user is None:
                return
            self.tracker.arrive(found.event, context, found.at, replaceable=found.replaceable)
            if not found.replaceable:
                self._deferred.begin(context)
        except Exception as error:
            self.tracker.lost("instrumentation", error)

    def _returned(self, context: UpdateContext, result: object) -> None:
        if not isinstance(result, TelegramMethod):
            return
        try:
            if self._webhook_replies:
                self._sent.record_returned(result, context)
            else:
                self._sent.expect(result, context)
        except Exception as error:
            self.tracker.lost("instrumentation", error)


class HandlerName(BaseMiddleware):
    """Notes which handler an update reached, for the case that it fails."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Note the handler's name and go on."""
        context = current_update.get()
        if context is not None:
            with suppress(Exception):
                callback = data["handler"].callback
                context.handler = f"{callback.__module__}.{callback.__qualname__}"
        return await handler(event, data)


def _message(error: Exception) -> str | None:
    """Return an exception's message without a bot's token: Telegram's addresses hold it."""
    try:
        return _BOT_TOKEN.sub("<token>", str(error)) or None
    except Exception:
        return None
