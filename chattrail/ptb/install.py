"""Sees the updates of an application, and the calls of its bot.

Both are seen in methods that their classes pass everything through, in a subclass that the object is given: the classes have
slots, so an object has no place for a method of its own.
"""

import asyncio
from contextlib import suppress
from typing import Any, TypeAlias

from telegram import Bot, Update
from telegram.error import Forbidden
from telegram.ext import Application

from chattrail.botapi.deferred import DeferredEvents
from chattrail.botapi.host import Host, bot_id_of, warn_of
from chattrail.botapi.parameters import parameters
from chattrail.context import current_update
from chattrail.tracker import Tracker

AnyApplication: TypeAlias = Application[Any, Any, Any, Any, Any, Any]

_SEEN = "_chattrail_seen"
_CREATE_TASK = "_Application__create_task"
# In the names of the tasks of handlers, of updates and errors, with block=False.
_NOT_BLOCKING = ("process_update_non_blocking", "process_error:non_blocking")


def install(application: AnyApplication, tracker: Tracker) -> None:
    """Have the application and its bot seen, unless they are."""
    seen = getattr(type(application), _SEEN, None)
    if isinstance(seen, Host):
        warn_of(seen, tracker)
        return
    host = Host(bot_id_of(application.bot.token), tracker, "telegram", DeferredEvents())
    _subclass(application, host, _application_methods(type(application), host))
    if not hasattr(type(application.bot), _SEEN):
        _subclass(application.bot, host, _bot_methods(type(application.bot), host))


def _subclass(instance: Any, host: Host, methods: dict[str, Any]) -> None:
    cls = type(instance)
    same = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__, _SEEN: host}
    instance.__class__ = type(cls.__name__, (cls,), same | methods)


def _bot_methods(cls: type[Bot], host: Host) -> dict[str, Any]:
    async def _do_post(self: Bot, endpoint: str, data: dict[str, Any], **options: Any) -> Any:
        given = parameters(data)
        try:
            result = await cls._do_post(self, endpoint, data, **options)
        except Forbidden as error:
            host.refused(given, error)
            raise
        host.sent(endpoint, given, result)
        return result

    return {"_do_post": _do_post}


def _application_methods(cls: type[AnyApplication], host: Host) -> dict[str, Any]:
    async def process_update(self: AnyApplication, update: object) -> None:
        if not isinstance(update, Update):
            await cls.process_update(self, update)
            return
        if host.account.username is None:
            with suppress(RuntimeError):  # it is not initialized: then it has not asked Telegram yet
                host.account.username = self.bot.username
        context = host.begin(update)
        token = current_update.set(context)
        try:
            await cls.process_update(self, update)
        finally:
            current_update.reset(token)
            host.release(context)

    def create_task(self: AnyApplication, *arguments: Any, **named: Any) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = getattr(cls, _CREATE_TASK)(self, *arguments, **named)
        context, name = host.running(), str(named.get("name"))
        if context is not None and any(mark in name for mark in _NOT_BLOCKING):
            host.hold(context)
            task.add_done_callback(lambda _: host.release(context))
        return task

    async def process_error(self: AnyApplication, update: object, error: Exception, *more: Any, **named: Any) -> bool:
        context = host.running()
        if context is not None:
            host.failed(error, context)
        return await cls.process_error(self, update, error, *more, **named)

    return {"process_update": process_update, _CREATE_TASK: create_task, "process_error": process_error}
