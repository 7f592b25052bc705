"""Bounded memory: a request's bytes are booked before they are read, and one that doesn't fit is sent away at once."""

from sidecar import telemetry
from sidecar.answers import Refused
from sidecar.telemetry import Metrics


class Admission:
    """The bytes of all requests being read, inflated or stored. Above the limit senders get 429 and come again."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self._booked = 0

    def book(self) -> "Booking":
        """Open one request's account, empty; use it as a context manager."""
        return Booking(self)

    def _change(self, amount: int) -> None:
        if amount > 0 and self._booked + amount > self._limit:
            raise Refused(429, "the sidecar holds as many bytes as it may; send this again", after=1)
        self._booked += amount
        self._metrics.set(telemetry.IN_FLIGHT_BYTES, self._booked)


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
