"""What a bot sends: calls of the Bot API, seen where the bot's session makes them."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import TelegramForbiddenError
from aiogram.methods import GetMe, Response, TelegramMethod
from aiogram.types import InputFile, TelegramObject, User

from chattrail.aiogram.returned import ReturnedMethods, record_unless_sent
from chattrail.botapi.calls import Sent
from chattrail.botapi.methods import METHODS
from chattrail.botapi.reading import word
from chattrail.botapi.recorder import recorder_of
from chattrail.context import UpdateContext, running_details, running_update
from chattrail.tracker import Tracker

_ATTRIBUTE = "_chattrail_sends"
# Held, or a response now and then waits for its model to be built again: findings/aiogram-response-models-rebuilt.sh.
_RESPONSE_MODELS: dict[Any, type] = {}
_FILE = object()  # stands for one that is uploaded


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
        tracker = self._trackers.setdefault(bot.id, tracker)
        tracker.bot(bot.id).parse_mode = word(getattr(getattr(bot, "default", None), "parse_mode", None))

    async def __call__(self, bot: Bot, method: TelegramMethod[Any], *args: Any, **options: Any) -> Any:
        """Make the call and record it; a call that fails is the bot's to deal with."""
        returned = self._returned.take(method)
        context = running_update() if returned is None else returned.context
        try:
            result = await self._make_request(bot, method, *args, **options)
        except TelegramForbiddenError as error:
            self._record(bot, method, error, context)
            raise
        if returned is None or not returned.recorded:
            self._record(bot, method, result, context)
        return result

    def expect(self, method: TelegramMethod[Any], context: UpdateContext) -> None:
        """Remember that a handler returned `method`: aiogram sends it after the update has ended."""
        self._returned.add(method, context)

    def expect_in_response(self, method: TelegramMethod[Any], context: UpdateContext, tracker: Tracker) -> None:
        """Record a method that leaves inside the response to a webhook."""
        returned, bot = self._returned.add(method, context), context.bot
        if bot is None:
            return
        recorder, events = recorder_of(tracker), list[Sent]()
        name, given, details = method.__api_method__, _as_given(method), running_details()

        def read() -> None:
            events.extend(recorder.returned(bot, name, given, context, details))

        def record() -> None:
            for event in events:
                recorder.record(bot, event, context, details)

        tracker.backlog.add(0, read)
        record_unless_sent(tracker, returned, record)

    def _record(self, bot: Bot, method: TelegramMethod[Any], result: object, context: UpdateContext | None) -> None:
        if context is not None and (context.bot is None or context.bot.id != bot.id):
            context = None  # another bot sends it: it belongs to the chat that it goes to
        tracker = self._trackers.get(bot.id) if context is None else context.owner
        if not isinstance(tracker, Tracker):
            return
        try:
            account, recorder = tracker.bot(bot.id), recorder_of(tracker)
            if isinstance(result, TelegramForbiddenError):
                tracker.backlog.drain()
                recorder.failed(account, method, result, context)
                return
            if isinstance(method, GetMe) and isinstance(result, User):
                account.username = result.username
            _hold_response_model(method)
            name = method.__api_method__
            if (rule := METHODS.get(name)) is not None and rule.read is not None:
                given = _as_given(method)
                tracker.backlog.add(1, recorder.sent, account, name, given, result, context, running_details())
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


def _as_given(method: TelegramMethod[Any]) -> dict[str, Any]:
    """Return the parameters of a call as they are now, without the files, which may be megabytes.

    What aiogram gives to the bot cannot be changed; a method, and what goes into it, can.
    """
    given = method.__dict__ | (method.model_extra or {})
    given.pop("reply_markup", None)  # no event says it, and it may be long
    return {name: _copied(value) for name, value in given.items() if value is not None}


def _copied(value: Any) -> object:
    copied = _copier(type(value))  # type: ignore[arg-type]  # mypy takes the __hash__ of its objects for a class's
    return value if copied is None else copied(value)


@cache  # a model's class takes long to say what is of it
def _copier(kind: type) -> Callable[[Any], object] | None:
    if issubclass(kind, InputFile):
        return lambda _: _FILE
    if issubclass(kind, list):
        return lambda values: [_copied(value) for value in values]
    if issubclass(kind, TelegramObject):
        return lambda model: {name: _copied(value) for name, value in model.__dict__.items() if value is not None}
    return None


def _hold_response_model(method: TelegramMethod[Any]) -> None:
    returned = type(method).__returning__
    if returned not in _RESPONSE_MODELS:
        _RESPONSE_MODELS[returned] = Response[returned]  # type: ignore[valid-type]
