"""What a bot sends: calls of the Bot API, seen where the bot's session makes them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.methods import GetMe, Response, TelegramMethod
from aiogram.types import User

from chattrail.aiogram import incoming, outgoing
from chattrail.aiogram.returned import ReturnedMethods, record_unless_sent
from chattrail.context import BotAccount, Chat, EventTarget, Person, UpdateContext, running_details, running_update
from chattrail.tracker import Tracker

_ATTRIBUTE = "_chattrail_sends"
# Held, or a response now and then waits for its model to be built again: findings/aiogram-response-models-rebuilt.sh.
_RESPONSE_MODELS: dict[Any, type] = {}


class Sends:
    """Stands in for a session's `make_request`: its middlewares are passed over by sessions and bots that override `__call__`.

    A session may serve several bots, so what is recorded belongs to the bot that makes the call.
    """

    def __init__(self, make_request: Callable[..., Awaitable[Any]]) -> None:
        self._make_request = make_request
        self._trackers: dict[int, Tracker] = {}
        self._returned = ReturnedMethods()

    def add(self, bot: Bot, tracker: Tracker) -> None:
        """Record a bot with a tracker, unless it has one already."""
        self._trackers.setdefault(bot.id, tracker)

    async def __call__(self, bot: Bot, method: TelegramMethod[Any], *args: Any, **options: Any) -> Any:
        """Make the call and record it; a call that fails is the bot's to deal with."""
        returned = self._returned.take(method)
        result = await self._make_request(bot, method, *args, **options)
        if returned is None or not returned.recorded:
            self._record(bot, method, result, running_update() if returned is None else returned.context)
        return result

    def expect(self, method: TelegramMethod[Any], context: UpdateContext) -> None:
        """Remember that a handler returned `method`: aiogram sends it after the update has ended."""
        self._returned.add(method, context)

    def expect_in_response(self, method: TelegramMethod[Any], context: UpdateContext, tracker: Tracker) -> None:
        """Record a method that leaves inside the response to a webhook."""
        returned = self._returned.add(method, context)
        chat_id = getattr(method, "chat_id", None)
        if not isinstance(chat_id, int):
            return
        chat = Chat(chat_id, "private" if chat_id > 0 else None)
        if context.chat is not None and context.chat.id == chat_id:
            chat = context.chat
        target = _target(context, context.bot, chat, Person(chat_id))
        events = list(outgoing.read_returned(method, running_details()))
        record_unless_sent(returned, events, lambda event: _record(tracker, event, target, context))

    def _record(self, bot: Bot, method: TelegramMethod[Any], result: object, context: UpdateContext | None) -> None:
        if context is not None and (context.bot is None or context.bot.id != bot.id):
            context = None  # another bot sends it: it belongs to the chat that it goes to
        tracker = self._trackers.get(bot.id) if context is None else context.owner
        if not isinstance(tracker, Tracker):
            return
        try:
            account = tracker.bot(bot.id)
            if isinstance(method, GetMe) and isinstance(result, User):
                account.username = result.username
            _hold_response_model(method)
            for event in outgoing.read(method, result, running_details()):
                message = event.message
                if message is not None:
                    known = incoming.other_side(message.chat)
                    target = _target(context, account, incoming.chat(message.chat), known, message.message_id)
                    _record(tracker, event, target, context)
        except Exception as error:
            tracker.lost("instrumentation", error)


def sends_of(bot: Bot) -> Sends:
    """Return what sees the calls of the bot's session, which is put there the first time."""
    session: BaseSession = bot.session
    found = session.__dict__.get(_ATTRIBUTE)
    if not isinstance(found, Sends):
        found = Sends(session.make_request)
        session.make_request = found  # type: ignore[method-assign]
        setattr(session, _ATTRIBUTE, found)
    return found


def _hold_response_model(method: TelegramMethod[Any]) -> None:
    returned = type(method).__returning__
    if returned not in _RESPONSE_MODELS:
        _RESPONSE_MODELS[returned] = Response[returned]  # type: ignore[valid-type]


def _record(tracker: Tracker, sent: outgoing.Outgoing, target: EventTarget, context: UpdateContext | None) -> None:
    if target.user is None and context is not None:  # to a chat that is not the person's: no part of the person's trail
        target, context = replace(target, update_id=context.update_id), None
    tracker.record(sent.event, target, context, timestamp=sent.at)


def _target(
    context: UpdateContext | None, bot: BotAccount | None, chat: Chat, known: Person, message_id: int | None = None
) -> EventTarget:
    """Return the target of a message to `chat`. Without a person it is the chat's: a scheduled post to a group, say."""
    user = known if chat.type == "private" else None
    if context is not None and context.user is not None:
        same_chat = context.chat is not None and context.chat.id == chat.id
        if same_chat or context.user.id == chat.id:
            user = context.user
    return EventTarget(user, chat, message_id=message_id, bot=bot)
