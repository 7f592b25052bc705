"""How far large bodies have been stored, so that a body which is sent again goes on where it stopped.

A sender waits for its answer for a time only (the collector 70 s), and a body of many pieces may take longer. The work goes on
without it; when the body comes again it finds the work in flight, or here what became of it. Insert tokens would keep the
pieces from being stored twice, too, but each would be inserted again to find that out.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

from sidecar.plugin import Clock

KEEP_S: Final = 600.0  # a collector sends again after 10 s at most
MOST: Final = 1024


@dataclass(slots=True)
class Progress:
    """What of one body is durable: its first `pieces`, with what was rejected of them by reason."""

    pieces: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    used_at: float = 0.0

    def add(self, rejected: Counter[str]) -> None:
        """Count one more piece."""
        self.pieces += 1
        self.rejected += rejected


class ProgressOfBodies:
    """Progress by body, kept until its sender has the answer: after that the same bytes are a new request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Progress] = OrderedDict()

    def of(self, body: str) -> Progress:
        """The progress of a body by its digest, from its beginning where none is known."""
        now = self._clock.monotonic()
        while self._known and next(iter(self._known.values())).used_at < now - KEEP_S:
            self._known.popitem(last=False)
        progress = self._known.setdefault(body, Progress())
        progress.used_at = now
        self._known.move_to_end(body)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return progress

    def forget(self, body: str) -> None:
        """Take the next request with the same body for a new one."""
        self._known.pop(body, None)
