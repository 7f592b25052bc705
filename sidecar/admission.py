"""Bounded memory: a request's bytes are booked before they are read, and one that doesn't fit is sent away at once.

It is told to come back when there should be room: after the time that it would take to let go of what is too much, and of
what others were sent away with, at the rate at which bytes were let go of lately.
"""

import math

from sidecar import telemetry
from sidecar.answers import Refused
from sidecar.plugin import Clock
from sidecar.telemetry import Metrics

LATELY_S = 5.0


class Admission:
    """The bytes of all requests being read, inflated or stored. Above the limit senders get 429 and come again."""

    def __init__(self, limit: int, metrics: Metrics, clock: Clock) -> None:
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._booked = 0
        # bytes let go of, older ones weighing less; only the time counts in which there was something to let go of
        self._released = 0.0
        self._turned_away = 0.0  # these come back, too
        self._busy_s = 0.0
        self._changed_at = clock.monotonic()

    def book(self) -> "Booking":
        """Open one request's account, empty; use it as a context manager."""
        return Booking(self)

    def wait_s(self, amount: int) -> float:
        """Seconds until this many bytes more should fit; 0 when they do now."""
        excess: float = self._booked + amount - self._limit
        if excess <= 0:
            return 0.0
        self._let_time_pass()
        excess += self._turned_away
        if self._released == 0:  # nothing to go by yet: as long again as it has taken so far
            return self._busy_s
        return excess * self._weight() / self._released

    def _change(self, amount: int) -> None:
        if amount > 0 and self._booked + amount > self._limit:
            after = self.wait_s(amount)
            self._turned_away += amount
            raise Refused(429, "the sidecar holds as many bytes as it may; send this again", after=after)
        self._let_time_pass()
        self._booked += amount
        if amount < 0:
            self._released -= amount
        self._metrics.set(telemetry.IN_FLIGHT_BYTES, self._booked)

    def _let_time_pass(self) -> None:
        now = self._clock.monotonic()
        if self._booked:
            passed = now - self._changed_at
            self._busy_s += passed
            self._released *= math.exp(-passed / LATELY_S)
            self._turned_away *= math.exp(-passed / LATELY_S)
        self._changed_at = now

    def _weight(self) -> float:
        """Seconds that `_released` stands for: fewer than LATELY_S in the beginning."""
        return max(LATELY_S * (1 - math.exp(-self._busy_s / LATELY_S)), 1e-3)


class Booking:
    """What one request holds; given back when the block ends, however it ends."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._held = 0

    def hold(self, amount: int) -> None:
        """Set what the request holds now. Raises Refused (429) when it would be more than there is room for."""
        self._admission._change(amount - self._held)
        self._held = amount

    def __enter__(self) -> "Booking":
        return self

    def __exit__(self, *_: object) -> None:
        self.hold(0)
