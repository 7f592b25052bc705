"""How long a peer asks to wait before the next request."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a response's Retry-After; None without one, and for one that is neither of what RFC 9110 allows.

    It is a whole number of seconds, or a date, which is by the clock of the peer: its Date says what that shows.
    """
    given = headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdecimal():
        return float(given)
    with suppress(ValueError, TypeError):
        its_clock = headers.get("Date")
        now = parsedate_to_datetime(its_clock) if its_clock else datetime.now(UTC)
        return max(0.0, (parsedate_to_datetime(given) - now).total_seconds())
    return None
