"""Settles incoming events whose handlers take long, so that a trail stays live."""

import asyncio
import threading
import time
from contextlib import suppress
from contextvars import Context
from typing import Protocol

from chattrail.context import UpdateContext
from chattrail.forks import after_fork_in_child
from chattrail.tracker import Tracker

SECONDS = 0.25


class Deferred(Protocol):
    """What both kinds do."""

    def begin(self, tracker: Tracker, context: UpdateContext) -> None:
        """Settle the update's event in a quarter of a second, unless it ends before."""

    def end(self, context: UpdateContext) -> None:
        """Forget an update."""


class DeferredEvents:
    """Waits for many updates with one timer: a timer for each would keep what belongs to it alive after its end."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[float, Tracker, UpdateContext]] = {}  # in the order in which they are due
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, tracker: Tracker, context: UpdateContext) -> None:
        """Settle the update's event in a quarter of a second, unless it ends before."""
        loop = asyncio.get_running_loop()
        self._waiting[id(context)] = (loop.time() + SECONDS, tracker, context)
        if self._timer is None or self._loop is not loop:
            self._loop = loop
            self._timer = loop.call_later(SECONDS, self._settle_due, context=Context())

    def end(self, context: UpdateContext) -> None:
        """Forget an update."""
        self._waiting.pop(id(context), None)

    def _settle_due(self) -> None:
        self._timer = None
        assert self._loop is not None
        now = self._loop.time()
        for key, (due, tracker, context) in list(self._waiting.items()):
            if due > now:
                self._timer = self._loop.call_at(due, self._settle_due, context=Context())
                return
            del self._waiting[key]
            tracker.backlog.drain()
            tracker.settle(context)


class DeferredInThread:
    """The same for a bot without an event loop: a thread waits while there is something to wait for."""

    def __init__(self) -> None:
        self._begin()
        after_fork_in_child(self._begin)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._waiting: dict[int, tuple[float, Tracker, UpdateContext]] = {}
        self._thread: threading.Thread | None = None

    def begin(self, tracker: Tracker, context: UpdateContext) -> None:
        """Settle the update's event in a quarter of a second, unless it ends before."""
        with self._changed:
            self._waiting[id(context)] = (time.monotonic() + SECONDS, tracker, context)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="chattrail-deferred", daemon=True)
                with suppress(RuntimeError):  # no more threads: the event is recorded when its update ends
                    thread.start()
                    self._thread = thread

    def end(self, context: UpdateContext) -> None:
        """Forget an update."""
        with self._changed:
            self._waiting.pop(id(context), None)

    def _run(self) -> None:
        with self._changed:
            while self._waiting:
                key, (due, tracker, context) = next(iter(self._waiting.items()))
                rest = due - time.monotonic()
                if rest > 0:
                    self._changed.wait(rest)
                else:
                    del self._waiting[key]
                    tracker.settle(context)
            self._thread = None
