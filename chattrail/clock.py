"""Event times as OTLP has them: whole nanoseconds since 1970."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 2**63 - 1  # readers downstream keep it in a signed integer


def is_time(value: object) -> bool:
    """Tell whether a record may have this timestamp: one that may not would take its whole batch down."""
    return type(value) is int and 0 < value <= _LATEST


def nanoseconds(when: datetime | None) -> int:
    """Convert exactly; naive means UTC. What is no time, or fits no timestamp, becomes the present."""
    if not isinstance(when, datetime):
        return time.time_ns()
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    since = (aware - _EPOCH) // timedelta(microseconds=1) * 1000
    return since if is_time(since) else time.time_ns()
