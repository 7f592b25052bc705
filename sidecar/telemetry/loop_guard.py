"""Keeps the logs that the sidecar sends out from feeding on themselves: the collector brings them back to be stored.

Two guards in code, as the collector's one pipeline can't distinguish them. While the sidecar works on a batch that holds
records of a sidecar, what it logs is not sent out (the work carries a mark, which tasks, threads and the loops of optional
plugins inherit). And no more than a few records a second are sent out at all, for work that lost the mark on its way.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

SERVICE_NAME: Final = "chattrail-sidecar"  # how a sidecar is named where it is a sender itself
_ON = ContextVar("handling_own_telemetry", default=False)


@contextmanager
def work() -> Iterator[None]:
    """Bracket one piece of work: a mark made in it ends with it."""
    token = _ON.set(False)
    try:
        yield
    finally:
        _ON.reset(token)


def mark(own: bool) -> None:
    """Say whether the work at hand is about a sidecar's own telemetry."""
    _ON.set(own)


def is_on() -> bool:
    """Whether what is logged now would be a log about the sidecar's own logs."""
    return _ON.get()


class RateCap:
    """Lets so many through in a second. Not thread-safe: a logging handler is called under its own lock."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._second = float("-inf")
        self._passed = 0

    def admits(self) -> bool:
        """Whether one more may pass."""
        now = self._clock()
        if now - self._second >= 1:
            self._second, self._passed = now, 0
        self._passed += 1
        return self._passed <= self._per_second
