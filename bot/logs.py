"""Logging that cannot print a token or what people wrote, and analytics without tokens.

Exceptions are the leak: aiohttp puts the request URL (it holds the bot token) into some of them, pydantic and aiogram put
the message that failed into others. So an exception is printed as its type and stack, never as its text, unless the text is
known to be about the network only; and secrets are replaced in the rest.
"""

import copy
import logging
import re
import traceback
import warnings
from collections.abc import Callable, Iterable
from types import TracebackType

from aiogram.exceptions import (
    RestartingTelegram,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)

from chattrail.record import Record
from common.log_format import FORMAT, SafeFormatter, log_to_stderr

_TOKEN_IN_URL = re.compile(r"/bot\d+:[A-Za-z0-9_-]+")
_SAFE_TO_LOG = (
    *(RestartingTelegram, TelegramConflictError, TelegramNetworkError),
    *(TelegramRetryAfter, TelegramServerError, TelegramUnauthorizedError),
)
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def describe(error: BaseException) -> str:
    """Name an error without repeating what a person wrote."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return f"{name}: {error}" if isinstance(error, _SAFE_TO_LOG) else name


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Make what replaces known secrets in a text, and bot tokens in URLs even when they are not known."""
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)

    def redact(text: str) -> str:
        text = _TOKEN_IN_URL.sub("/bot<token>", text)
        for secret in longest_first:
            text = text.replace(secret, "<secret>")
        return text

    return redact


def analytics_filter(secrets: Iterable[str]) -> Callable[[Record], Record]:
    """Make the tracker's before_send: the message of an exception may hold a URL with the bot's token."""
    redact = redactor(secrets)

    def allowed(record: Record) -> Record:
        message = record.attributes.get("exception.message")
        if isinstance(message, str):
            record.attributes["exception.message"] = redact(message)
        return record

    return allowed


class RedactingFormatter(SafeFormatter):
    """Formats exceptions without their text and replaces every known secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(FORMAT)
        self._redact = redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Format a copy of the record, then replace the secrets."""
        record = copy.copy(record)
        record.exc_text = None
        if isinstance(record.msg, BaseException):
            record.msg = describe(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(describe(arg) if isinstance(arg, BaseException) else arg for arg in record.args)
        return self._redact(super().format(record))

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's own name
        """Return the stack and the type of the exception and of its causes."""
        parts: list[str] = []
        error, seen = ei[1], set[int]()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            parts.append("".join(traceback.format_tb(error.__traceback__)) + describe(error))
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\ncaused by:\n".join(parts)


def configure(secrets: Iterable[str]) -> None:
    """Send all logs to stderr through the redacting formatter; for the bot's own process only."""
    log_to_stderr(formatter=RedactingFormatter(secrets))
    logging.captureWarnings(True)
    for verbose in ("httpx", "httpcore", "aiogram.event", "aiohttp.access", "PIL"):
        logging.getLogger(verbose).setLevel(logging.WARNING)
    # aiogram would print the whole update, message text included.
    warnings.filterwarnings("ignore", message="Detected unknown update type")
