"""Records that a tracker hands to its sink, and the counts of their fates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from chattrail.sanitize import AttributeValue

INFO, WARN, ERROR = 9, 13, 17  # OpenTelemetry's severity numbers


@dataclass(slots=True)
class Record:
    """One event, ready to send. A `before_send` callback may change it or return None to withhold it."""

    event_name: str
    timestamp: int  # ns since 1970
    attributes: dict[str, AttributeValue]
    body: str = ""
    severity: int = INFO


BeforeSend: TypeAlias = Callable[[Record], "Record | None"]


@dataclass(frozen=True, slots=True)
class Counts:
    """The counters at one moment: emitted = exported + dropped + queued."""

    emitted: int = 0
    exported: int = 0
    queued: int = 0
    losses: Mapping[str, int] = field(default_factory=dict)  # why → how many

    @property
    def dropped(self) -> int:
        """Events that will never arrive, for whatever reason."""
        return sum(self.losses.values())


class Sink(Protocol):
    """Where records go. `emit` neither raises nor waits; `lose` counts an event that no record could be made of."""

    def emit(self, record: Record) -> None:
        """Take over a record."""

    def lose(self, reason: str) -> None:
        """Count an event as emitted and dropped."""

    def counts(self) -> Counts:
        """Return how many events are emitted, exported, queued and lost."""

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is queued; False when the time was not enough."""

    def shutdown(self, timeout: float) -> bool:
        """Send what is queued, count the rest as dropped, and end within `timeout` seconds. May be called again."""


class WrappedSink:
    """Base of a sink before another one: subclasses define `emit`."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.lose, self.counts, self.flush, self.shutdown = sink.lose, sink.counts, sink.flush, sink.shutdown
