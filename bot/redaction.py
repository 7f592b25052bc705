"""What must not reach analytics: what the bot tells its admins (figures, login links), and secrets."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bot.logs import Redactor
from chattrail.events import PREFIX, AiMessage, ImageGenerated
from chattrail.record import Record

_WORDS = "exception.message"
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


class Guard:
    """The tracker's before_send: an admin's command is an event like any, the answer to it is none; and the words of an
    exception may hold a URL with the bot's token, which analytics must not learn.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._redact = Redactor(secrets)

    def __call__(self, record: Record) -> Record | None:
        """Give the record that may leave, or None."""
        if _quiet.get() and record.event_name in _ANSWERS:
            return None
        words = record.attributes.get(_WORDS)
        if isinstance(words, str):
            record.attributes[_WORDS] = self._redact(words)
        return record
