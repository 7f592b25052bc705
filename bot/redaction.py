"""Keeps out of analytics what the bot sends its admins (figures, login links), and secrets."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bot.logs import redactor
from chattrail.events import PREFIX, AiMessage, BotMessage, ImageGenerated, MessageEdited
from chattrail.record import Record

_MESSAGE = "exception.message"
_ANSWERS = frozenset(PREFIX + event.type for event in (AiMessage, BotMessage, ImageGenerated, MessageEdited))
_unrecorded: ContextVar[bool] = ContextVar("chattrail_bot_unrecorded", default=False)


@contextmanager
def unrecorded() -> Iterator[None]:
    """Keep what is sent inside the block out of the analytics."""
    token = _unrecorded.set(True)
    try:
        yield
    finally:
        _unrecorded.reset(token)


def analytics_filter(secrets: Iterable[str]) -> Callable[[Record], Record | None]:
    """Make the tracker's before_send. An admin's command is an event, the answer to it is not; and the message of an
    exception may hold a URL with the bot's token.
    """
    redact = redactor(secrets)

    def allowed(record: Record) -> Record | None:
        if _unrecorded.get() and record.event_name in _ANSWERS:
            return None
        message = record.attributes.get(_MESSAGE)
        if isinstance(message, str):
            record.attributes[_MESSAGE] = redact(message)
        return record

    return allowed
