"""An event that cannot be shown does not fail its page: a plain line takes its place, and the log has one line about it."""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from common.error_location import error_location
from web.pages.timeline_blocks import Block, Bubble

log = logging.getLogger("web")


def render_or_fallback(
    macro: Callable[..., str], fallback: Callable[..., str], part: Block | Bubble, *arguments: Any
) -> str:
    """Render a part of a timeline by a macro, or by another one when that fails."""
    try:
        return macro(part, *arguments)
    except Exception as error:
        log_unshown(part.anchor, error)
        return fallback(part)


def log_unshown(event_id: str, error: Exception) -> None:
    """Log that an event cannot be shown. The message of an exception may hold a chat's text and is left out."""
    _log_once(event_id, type(error).__qualname__, error_location(error))


@lru_cache(maxsize=1000)
def _log_once(event_id: str, kind: str, location: str) -> None:
    """Pages are requested again every few seconds; one line about the same fault is enough."""
    log.error("event %s cannot be shown: %s at %s", event_id, kind, location)
