"""Sees the updates of a TeleBot, and the calls of all bots, which one function of pyTelegramBotAPI makes."""

import threading
from collections.abc import Callable
from typing import Any

from telebot import TeleBot, apihelper, types

from chattrail.botapi.deferred import DeferredInThread
from chattrail.botapi.host import Host
from chattrail.botapi.parameters import parameters
from chattrail.context import UpdateContext, current_update
from chattrail.telebot.bots import host_of, new_host
from chattrail.tracker import Tracker


class _Calls:
    """Stands in for `apihelper._make_request`."""

    def __init__(self, make_request: Callable[..., Any]) -> None:
        self._make_request = make_request

    def __call__(
        self, token: str, method_name: str, method: str = "get", params: Any = None, files: Any = None, **more: Any
    ) -> Any:
        host = host_of(token)
        if host is None:
            return self._make_request(token, method_name, method=method, params=params, files=files, **more)
        given = parameters(params)
        try:
            result = self._make_request(token, method_name, method=method, params=params, files=files, **more)
        except apihelper.ApiTelegramException as error:
            host.refused(given, error)
            raise
        host.sent(method_name, given, result)
        return result


class _Updates:
    """Stands in for three methods of a bot: those that take updates, start handlers and see their exceptions."""

    def __init__(self, bot: TeleBot, host: Host) -> None:
        self.bot = bot
        self.host = host
        self._process: Callable[..., None] = bot.process_new_updates
        self._start: Callable[..., Any] = bot._exec_task
        self._exception = bot._handle_exception
        self._asked = False

    def process_new_updates(self, updates: list[types.Update]) -> None:
        """Have the updates handled one by one, each in its context."""
        if self.host.account.username is None and not self._asked:
            self._asked = True
            try:
                threading.Thread(target=self._ask, name="chattrail-name", daemon=True).start()
            except RuntimeError:  # no more threads
                self._asked = False
        for update in updates:
            context = self.host.begin(update)
            token = current_update.set(context)
            try:
                self._process([update])
            finally:
                current_update.reset(token)
                self.host.release(context)

    def exec_task(self, task: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Start a handler, which a thread may run, in the context of its update."""
        context = self.host.running()
        if context is None:
            return self._start(task, *args, **named)
        self.host.hold(context)
        return self._start(self._run, context, task, args, named)

    def handle_exception(self, exception: Exception) -> bool:
        """See an exception that the bot handles itself."""
        context = self.host.running()
        if context is not None:
            self.host.failed(exception, context)
        return self._exception(exception)

    def _run(self, context: UpdateContext, task: Callable[..., Any], args: Any, named: Any) -> Any:
        token = current_update.set(context)
        try:
            return task(*args, **named)
        except Exception as error:
            self.host.failed(error, context)
            raise
        finally:
            current_update.reset(token)
            self.host.release(context)

    def _ask(self) -> None:
        """Have the bot's name found out: pyTelegramBotAPI does not ask for it by itself."""
        try:
            apihelper.get_me(self.bot.token)
        except Exception:
            self._asked = False  # Telegram is away; the next update asks again


def install(bot: TeleBot, tracker: Tracker) -> None:
    """Have the bot seen, unless it is."""
    host = new_host(bot, tracker, DeferredInThread())
    if not isinstance(apihelper._make_request, _Calls):
        apihelper._make_request = _Calls(apihelper._make_request)
    if host is None:
        return
    updates = _Updates(bot, host)
    bot.process_new_updates = updates.process_new_updates  # type: ignore[method-assign]
    bot._exec_task = updates.exec_task  # type: ignore[method-assign]
    bot._handle_exception = updates.handle_exception  # type: ignore[method-assign]
