"""Bounded memory: a request books the bytes of it that have arrived, and one that doesn't fit is sent away at once.

What is only announced is not booked, or senders that announce much and send little would hold all memory. Where a body that
arrives slowly holds memory that another request needs, the slow one is sent away.

Its Retry-After says when there should be room: after the time that it would take to let go of what is too much, and of
what others were sent away with, at the rate at which bytes were let go of lately.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sidecar.plugin import Clock
from sidecar.receiver.responses import RefusedError
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics

LATELY_S = 5.0
SLOW_AFTER_S = 2.0
SLOW_BYTES_PER_S = 64 * 1024  # a body that arrives at less gives way to others when memory is short


class MemoryLimiter:
    """The bytes of all requests being read, inflated or stored. Above the limit senders get 429 and come again."""

    def __init__(self, limit: int, metrics: Metrics, clock: Clock) -> None:
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._booked = 0
        self._arriving: dict[Reservation, Arrival] = {}
        # bytes let go of, older ones weighing less; only the time counts in which there was something to let go of
        self._released = 0.0
        self._turned_away = 0.0  # these come back, too
        self._busy_s = 0.0
        self._changed_at = clock.monotonic()

    def book(self) -> "Reservation":
        """Open one request's account, empty; use it as a context manager."""
        return Reservation(self)

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

    def _require_room(self, amount: int) -> None:
        """Raises RefusedError (429) when so many bytes more don't fit, even if slow bodies make room."""
        if amount <= 0 or self._booked + amount <= self._limit or self._made_room(amount):
            return
        after = self.wait_s(amount)
        self._turned_away += amount
        raise RefusedError(429, "the sidecar holds as many bytes as it may; send this again", after=after)

    def _made_room(self, amount: int) -> bool:
        excess = self._booked + amount - self._limit
        slow = [reservation for reservation, arrival in self._arriving.items() if self._is_slow(reservation, arrival)]
        if sum(reservation.held for reservation in slow) < excess:
            return False
        for reservation in sorted(slow, key=lambda reservation: reservation.held, reverse=True):
            if self._booked + amount <= self._limit:
                break
            self._arriving.pop(reservation).give_up()
            reservation.hold(0)
        return True

    def _is_slow(self, reservation: "Reservation", arrival: "Arrival") -> bool:
        age = self._clock.monotonic() - arrival.began_at
        return age >= SLOW_AFTER_S and reservation.held < age * SLOW_BYTES_PER_S

    def _change(self, amount: int) -> None:
        self._require_room(amount)
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


@dataclass(frozen=True, slots=True)
class Arrival:
    """A body on its way: since when, and how to send its request away."""

    began_at: float
    give_up: Callable[[], None]


class Reservation:
    """What one request holds; given back when the block ends, however it ends."""

    def __init__(self, memory_limiter: MemoryLimiter) -> None:
        self._memory_limiter = memory_limiter
        self.held = 0
        self.most = 0  # that it held, booked or not

    @contextmanager
    def arriving(self, announced: int, give_up: Callable[[], None]) -> Iterator[None]:
        """Bracket the reading of the body. `give_up` is called when it is slow and others need its bytes.

        Raises RefusedError (429) at once when what is announced would not fit now.
        """
        self._memory_limiter._require_room(announced)
        self._memory_limiter._arriving[self] = Arrival(self._memory_limiter._clock.monotonic(), give_up)
        try:
            yield
        finally:
            self._memory_limiter._arriving.pop(self, None)

    def hold(self, amount: int) -> None:
        """Set what the request holds now. Raises RefusedError (429) when it would be more than there is room for."""
        self._memory_limiter._change(amount - self.held)
        self.held = amount
        self.most = max(self.most, amount)

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(self, *_: object) -> None:
        self.hold(0)
