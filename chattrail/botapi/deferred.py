"""Settles incoming events whose handlers take long, so that a trail stays live."""

import asyncio
from contextvars import Context

from chattrail.context import UpdateContext
from chattrail.tracker import Tracker

SECONDS = 0.25


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
            tracker.settle(context)
