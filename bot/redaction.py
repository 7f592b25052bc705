"""Keeps secrets out of analytics."""

from collections.abc import Callable, Iterable

from bot.logs import redactor
from chattrail.record import Record

_MESSAGE = "exception.message"


def analytics_filter(secrets: Iterable[str]) -> Callable[[Record], Record]:
    """Make the tracker's before_send: the message of an exception may hold a URL with the bot's token."""
    redact = redactor(secrets)

    def allowed(record: Record) -> Record:
        message = record.attributes.get(_MESSAGE)
        if isinstance(message, str):
            record.attributes[_MESSAGE] = redact(message)
        return record

    return allowed
