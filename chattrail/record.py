"""What a tracker hands to its sink, and how many of them went where."""

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
    """One consistent look at a pipeline: emitted = exported + dropped + queued, at any moment."""

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
        """Tell how many events went where."""

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is queued; False when the time was not enough."""

    def shutdown(self, timeout: float) -> bool:
        """Send what is queued, count the rest as dropped, and end within `timeout` seconds. May be called again."""


class PassingOn:
    """A sink before another one that does nothing of its own: subclasses change `emit`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def emit(self, record: Record) -> None:
        """Pass a record on."""
        self._sink.emit(record)

    def lose(self, reason: str) -> None:
        """Pass on that an event was lost."""
        self._sink.lose(reason)

    def counts(self) -> Counts:
        """Tell how many events went where."""
        return self._sink.counts()

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is queued."""
        return self._sink.flush(timeout)

    def shutdown(self, timeout: float) -> bool:
        """End the sink behind."""
        return self._sink.shutdown(timeout)
