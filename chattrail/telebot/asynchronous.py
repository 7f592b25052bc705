"""Sees the updates of an AsyncTeleBot, and the calls of all such bots, which one function of pyTelegramBotAPI makes."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from typing import Any

from telebot import asyncio_helper, types
from telebot.async_telebot import AsyncTeleBot

from chattrail.botapi.deferred import DeferredEvents
from chattrail.botapi.host import Host
from chattrail.botapi.parameters import parameters
from chattrail.botapi.updates import UPDATES
from chattrail.context import UpdateContext, current_update
from chattrail.telebot.bots import host_of, new_host
from chattrail.tracker import Tracker


class _Calls:
    """Stands in for `asyncio_helper._process_request`."""

    def __init__(self, process_request: Callable[..., Awaitable[Any]]) -> None:
        self._process_request = process_request

    async def __call__(
        self, token: str, url: str, method: str = "get", params: Any = None, files: Any = None, **more: Any
    ) -> Any:
        host = host_of(token)
        if host is None:
            return await self._process_request(token, url, method=method, params=params, files=files, **more)
        given = parameters(params)
        try:
            result = await self._process_request(token, url, method=method, params=params, files=files, **more)
        except asyncio_helper.ApiTelegramException as error:
            host.refused(given, error)
            raise
        host.sent(url, given, result)
        return result


class _Updates:
    """Stands in for three methods of a bot: those that take updates, run handlers and see their exceptions."""

    def __init__(self, bot: AsyncTeleBot, host: Host) -> None:
        self.bot = bot
        self.host = host
        self._process: Callable[..., Awaitable[None]] = bot.process_new_updates
        self._run: Callable[..., Awaitable[Any]] = bot._run_middlewares_and_handlers
        self._exception = bot._handle_exception
        self._contexts: dict[int, UpdateContext] = {}  # by what each update holds, which handlers are given
        self._asking: asyncio.Task[None] | None = None

    async def process_new_updates(self, updates: list[types.Update]) -> None:
        """Have updates handled, which pyTelegramBotAPI does side by side."""
        if self.host.account.username is None and (self._asking is None or self._asking.done()):
            self._asking = asyncio.get_running_loop().create_task(self._ask(), context=Context())
        begun = {}
        for update in updates:
            context = self.host.begin(update)
            for kind in UPDATES:
                if (found := getattr(update, kind, None)) is not None:
                    begun[id(found)] = context
        self._contexts |= begun
        try:
            await self._process(updates)
        finally:
            for key, context in begun.items():
                del self._contexts[key]
                self.host.release(context)

    async def run_handlers(self, *args: Any, **named: Any) -> Any:
        """Run the handlers of an update in its context."""
        given = (*args, *named.values())
        context = next((self._contexts[id(one)] for one in given if id(one) in self._contexts), None)
        if context is None:
            return await self._run(*args, **named)
        token = current_update.set(context)
        try:
            return await self._run(*args, **named)
        finally:
            current_update.reset(token)

    async def handle_exception(self, exception: Exception) -> bool:
        """See an exception that a handler raised."""
        context = self.host.running()
        if context is not None:
            self.host.failed(exception, context)
        return await self._exception(exception)

    async def _ask(self) -> None:
        """Have the bot's name found out: pyTelegramBotAPI does not ask for it by itself."""
        with suppress(Exception):  # Telegram is away; the next update asks again
            await self.bot.get_me()


def install(bot: AsyncTeleBot, tracker: Tracker) -> None:
    """Have the bot seen, unless it is."""
    host = new_host(bot, tracker, DeferredEvents())
    if not isinstance(asyncio_helper._process_request, _Calls):
        asyncio_helper._process_request = _Calls(asyncio_helper._process_request)
    if host is None:
        return
    updates = _Updates(bot, host)
    bot.process_new_updates = updates.process_new_updates  # type: ignore[method-assign]
    bot._run_middlewares_and_handlers = updates.run_handlers  # type: ignore[method-assign]
    bot._handle_exception = updates.handle_exception  # type: ignore[method-assign]
