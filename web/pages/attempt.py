"""One event that cannot be shown never takes its page along: something plain stands in its place, and the log says so once."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from web.problem import place_of

log = logging.getLogger("web")


class Shown(Protocol):
    """A part of a trail: the id of its event (the first, where it has several), its type and its time."""

    @property
    def anchor(self) -> str: ...  # noqa: D102

    @property
    def type(self) -> str: ...  # noqa: D102

    at: datetime


def attempt(macro: Callable[..., str], fallback: Callable[[Shown], str], part: Shown, *more: Any) -> str:
    """Render a part by a macro, or by another one when that fails."""
    try:
        return macro(part, *more)
    except Exception as error:
        note(part.anchor, error)
        return fallback(part)


def note(event_id: str, error: Exception) -> None:
    """Log that an event cannot be shown. The text of an exception may hold a chat's: only its kind and place are told."""
    _log_once(event_id, type(error).__qualname__, place_of(error))


@lru_cache(maxsize=1000)
def _log_once(event_id: str, kind: str, place: str) -> None:
    """Pages ask for news every few seconds; one line about the same fault is enough."""
    log.error("event %s cannot be shown: %s at %s", event_id, kind, place)
