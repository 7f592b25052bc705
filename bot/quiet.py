"""What the bot tells its admins is no chat: figures and login links must not become events of a trail."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chattrail.events import PREFIX, AiMessage, ImageGenerated
from chattrail.record import Record

_ANSWERS = frozenset(PREFIX + event.type for event in (AiMessage, ImageGenerated))
_quiet: ContextVar[bool] = ContextVar("chattrail_bot_quiet", default=False)


@contextmanager
def unrecorded() -> Iterator[None]:
    """Keep what is sent inside the block out of the analytics."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def unless_quiet(record: Record) -> Record | None:
    """The tracker's before_send: the admin's command is an event like any, the answer to it is none."""
    return None if _quiet.get() and record.event_name in _ANSWERS else record
