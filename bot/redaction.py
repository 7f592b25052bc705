"""Keeps out of analytics what the bot sends its admins (figures, login links), and secrets."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bot.logs import Redactor
from chattrail.events import PREFIX, AiMessage, ImageGenerated
from chattrail.record import Record

_MESSAGE = "exception.message"
_ANSWERS = frozenset(PREFIX + event.type for event in (AiMessage, ImageGenerated))
_unrecorded: ContextVar[bool] = ContextVar("chattrail_bot_unrecorded", default=False)


@contextmanager
def unrecorded() -> Iterator[None]:
    """Keep what is sent inside the block out of the analytics."""
    token = _unrecorded.set(True)
    try:
        yield
    finally:
        _unrecorded.reset(token)


class AnalyticsFilter:
    """The tracker's before_send. An admin's command is an event, the answer to it is not; and the message of an exception
    may hold a URL with the bot's token.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._redact = Redactor(secrets)

    def __call__(self, record: Record) -> Record | None:
        """Return the record that may leave, or None."""
        if _unrecorded.get() and record.event_name in _ANSWERS:
            return None
        message = record.attributes.get(_MESSAGE)
        if isinstance(message, str):
            record.attributes[_MESSAGE] = self._redact(message)
        return record
