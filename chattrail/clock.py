"""Event times as OTLP has them: whole nanoseconds since 1970. And the clocks, for what is recorded a moment after it was seen."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 2**63 - 1  # readers downstream keep it in a signed integer


class _Seen(threading.local):
    at: tuple[int, float] | None = None  # when what this thread records now was seen, if it was before


_seen = _Seen()


def time_ns() -> int:
    """Return the time in ns: that at which what is recorded now was seen."""
    return time.time_ns() if _seen.at is None else _seen.at[0]


def monotonic() -> float:
    """Return the same by the monotonic clock, in seconds."""
    return time.monotonic() if _seen.at is None else _seen.at[1]


def is_seen_before() -> bool:
    """Tell whether this thread records what was seen before."""
    return _seen.at is not None


@contextmanager
def seen(wall_ns: int, monotonic_s: float) -> Iterator[None]:
    """Let the clocks of this thread stand at a moment."""
    _seen.at = (wall_ns, monotonic_s)
    try:
        yield
    finally:
        _seen.at = None


def is_time(value: object) -> bool:
    """Tell whether a record may have this timestamp: one that may not would take its whole batch down."""
    return type(value) is int and 0 < value <= _LATEST


def nanoseconds(when: datetime | None) -> int:
    """Convert exactly; naive means UTC. What is no time, or fits no timestamp, becomes the present."""
    if not isinstance(when, datetime):
        return time_ns()
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    since_epoch = aware - _EPOCH  # in whole numbers: a float has no room for microseconds
    since = ((since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds) * 1000
    return since if is_time(since) else time_ns()
