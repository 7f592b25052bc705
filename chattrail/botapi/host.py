"""A bot of a framework whose updates and calls are seen where it passes them on: what those integrations share."""

import logging
import threading
from typing import Any

from chattrail.botapi.deferred import Deferred
from chattrail.botapi.failures import failure_of, handler_of
from chattrail.botapi.reading import get
from chattrail.botapi.recorder import recorder_of
from chattrail.botapi.updates import UPDATES
from chattrail.context import UpdateContext, running_details, running_update
from chattrail.genai import watch
from chattrail.tracker import Tracker

_log = logging.getLogger("chattrail")


def bot_id_of(token: str) -> int:
    """Return the id that a bot's token begins with. Raises ValueError, which does not quote it."""
    number = token.partition(":")[0]
    if not number.isdecimal():
        raise ValueError("the bot's token does not begin with its id, as in 42:ABC")
    return int(number)


class Host:
    """A bot and its tracker."""

    def __init__(self, bot_id: int, tracker: Tracker, framework: str, deferred: Deferred) -> None:
        self.tracker = tracker
        self.account = tracker.bot(bot_id)
        self._recorder = recorder_of(tracker)
        self._framework = framework
        self._deferred = deferred
        self._lock = threading.Lock()

    def begin(self, update: object) -> UpdateContext:
        """Return the context of an update, whose event waits for what the handlers know. `release` ends it."""
        watch()
        context = UpdateContext(self.tracker, self.account)
        try:
            kind, found = _kind_of(update)
            update_id = get(update, "update_id")
            known = kind is not None and isinstance(update_id, int)
            if known and self._recorder.arrive(context, update_id, str(kind), found):
                self._deferred.begin(self.tracker, context)
        except Exception as error:
            self.tracker.lost("instrumentation", error)
        return context

    def failed(self, error: BaseException, context: UpdateContext) -> None:
        """Record that a handler raised an exception, once for each."""
        if context.failure is error:
            return
        context.failure = error
        try:
            self._recorder.handler_failed(failure_of(error, handler_of(error, self._framework)), context)
        except Exception as fault:
            self.tracker.lost("instrumentation", fault)

    def hold(self, context: UpdateContext) -> None:
        """Let an update last until another `release`: a task or thread handles it that is not waited for."""
        with self._lock:
            context.holders += 1

    def release(self, context: UpdateContext) -> None:
        """End an update, in every copy of its context, when nobody handles it any more."""
        with self._lock:
            context.holders -= 1
            if context.holders:
                return
        self._deferred.end(context)
        self.tracker.settle(context)
        context.ended = True
        context.failure = None

    def sent(self, method: str, given: object, result: object) -> None:
        """Record a call that Telegram has carried out. `result` is its JSON."""
        try:
            if method == "getMe":
                name = get(result, "username")
                self.account.username = name if isinstance(name, str) else self.account.username
            self._recorder.sent(self.account, method, given, result, self.running(), running_details())
        except Exception as error:
            self.tracker.lost("instrumentation", error)

    def refused(self, given: object, error: object) -> None:
        """Record what an answer of Telegram's says that is no success."""
        try:
            self._recorder.failed(self.account, given, error, self.running())
        except Exception as fault:
            self.tracker.lost("instrumentation", fault)

    def running(self) -> UpdateContext | None:
        """Return the update of this bot that is being handled."""
        context = running_update()
        return context if context is not None and context.bot is self.account else None


def warn_of(host: Host, tracker: Tracker) -> None:
    """Say that a bot that is instrumented already keeps its tracker, when it is given another one."""
    if host.tracker is not tracker:
        _log.warning("bot %d is instrumented already: the tracker that was given last is not used", host.account.id)


def _kind_of(update: object) -> tuple[str | None, object]:
    """Return which field of an update is set, and what it holds: a newer one may be Telegram's JSON."""
    for source in (update, dict(get(update, "api_kwargs") or {})):
        for kind in UPDATES:
            found = get(source, kind)
            if found is not None:
                return kind, _whole(found)
    return None, None


def _whole(found: Any) -> object:
    """Return Telegram's JSON where an object of the framework lacks what is newer than the framework, or may lack it."""
    sent = getattr(found, "json", None)  # pyTelegramBotAPI keeps it, with messages and presses
    if isinstance(sent, dict):
        return sent
    return found.to_dict() if getattr(found, "api_kwargs", None) else found  # python-telegram-bot
