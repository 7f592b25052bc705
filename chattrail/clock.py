"""Event times as OTLP has them: whole nanoseconds since 1970."""

import time
from datetime import UTC, datetime

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
    since_epoch = aware - _EPOCH  # in whole numbers: a float has no room for microseconds
    since = ((since_epoch.days * 86_400 + since_epoch.seconds) * 1_000_000 + since_epoch.microseconds) * 1000
    return since if is_time(since) else time.time_ns()
