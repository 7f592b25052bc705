"""Methods of the Bot API that handlers returned instead of calling them: aiogram sends them when the update is over."""

import asyncio
import weakref
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any, cast

from aiogram.methods import TelegramMethod

from chattrail.context import UpdateContext
from chattrail.tracker import Tracker

SECONDS = 0.05  # aiogram begins to send a method itself at once, if it does


@dataclass(slots=True, eq=False)
class Returned:
    """The update that a method belongs to. `recorded` when it left inside the response to a webhook."""

    context: UpdateContext
    recorded: bool = False
    forget: Callable[[], object] = lambda: None  # that it waits, when it does


class ReturnedMethods:
    """Known by identity and held weakly: a method may hold uploads of megabytes."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[TelegramMethod[Any]], Returned]] = {}

    def add(self, method: TelegramMethod[Any], context: UpdateContext) -> Returned:
        """Remember a method until it is sent or gone."""
        key, returned = id(method), Returned(context)
        self._known[key] = (weakref.ref(method, lambda _: self._known.pop(key, None)), returned)
        return returned

    def take(self, method: TelegramMethod[Any]) -> Returned | None:
        """Forget a method that aiogram sends now, and return what is known of it."""
        reference, returned = self._known.get(id(method), (None, None))
        if reference is None or returned is None or reference() is not method:
            return None
        del self._known[id(method)]
        returned.forget()
        return returned

    def __len__(self) -> int:
        return len(self._known)


def record_unless_sent(tracker: Tracker, returned: Returned, record: Callable[[], None]) -> None:
    """Have what a method stands for recorded, unless aiogram sends it: then it was too late for the response to the webhook."""
    waiting = _waiting(tracker)

    def left_in_the_response() -> None:
        if waiting.pop(returned, None) is None:
            return  # a flush on another thread has recorded it
        returned.recorded = True
        tracker.backlog.add(1, record)

    def forget() -> None:
        timer.cancel()
        waiting.pop(returned, None)

    waiting[returned] = left_in_the_response
    timer = asyncio.get_running_loop().call_later(SECONDS, left_in_the_response, context=Context())
    returned.forget = forget


def _waiting(tracker: Tracker) -> dict[Returned, Callable[[], None]]:
    """Return what waits, which the tracker has recorded at a flush and at the end."""
    found: Any = tracker.kept.get(Returned)
    if found is None:
        found = tracker.kept[Returned] = {}
        tracker.at_end(lambda: [Context().run(record) for record in list(found.values())])
    return cast("dict[Returned, Callable[[], None]]", found)
