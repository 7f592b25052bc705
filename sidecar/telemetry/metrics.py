"""The sidecar's own figures: every metric name in one place, and the counters that hold them.

Names follow OTel: lowercase, dot namespaces; what varies (plugin, status, reason) is an attribute, never part of a
name. Attributes never carry contents of events, ids of people or secrets.
"""

import threading
from typing import Final

DESCRIPTIONS: Final[dict[str, str]] = {}
GAUGES: Final[set[str]] = set()


def _counter(name: str, description: str) -> str:
    DESCRIPTIONS[full := f"chattrail.sidecar.{name}"] = description
    return full


def _gauge(name: str, description: str) -> str:
    GAUGES.add(full := _counter(name, description))
    return full


REQUESTS: Final = _counter("requests", "Requests answered, by HTTP status.")
RECEIVED_BYTES: Final = _counter("received.bytes", "Inflated bytes of requests whose records are all stored.")
RECEIVED_RECORDS: Final = _counter("received.records", "Log records of those requests.")
IN_FLIGHT_BYTES: Final = _gauge("in_flight.bytes", "Bytes of requests being read, inflated or stored now.")
COALESCED: Final = _counter("coalesced", "Requests that joined the same body already being handled.")
PLUGIN_BATCHES: Final = _counter("plugin.batches", "Batches a plugin handled.")
PLUGIN_FAILURES: Final = _counter("plugin.failures", "Batches a plugin failed on, by outcome.")
PLUGIN_DROPPED: Final = _counter("plugin.dropped", "Batches an optional plugin lost because its queue was full.")
DEAD_LETTERS: Final = _counter("dead_letters", "Records that could not be stored and went to dead_letters, by reason.")
DEAD_LETTER_ALARM: Final = _gauge("poison.alarm", "1 while most of the input can't be stored.")
ROLLUP_ROUNDS: Final = _counter("rollup.rounds", "Rounds of recomputing figures.")
ROLLUP_FAILURES: Final = _counter("rollup.failures", "Rounds of recomputing figures that failed.")
ROLLUP_ROWS: Final = _counter("rollup.rows", "Rows of figures (a person's quarter of an hour) that were recomputed.")
ROLLUP_SKIPPED: Final = _counter("rollup.skipped", "Rows of figures given up for lack of memory or time.")
EVENTS_REPEATED: Final = _counter("rollup.repeated", "Events deleted because Telegram had delivered them before.")
ROLLUP_WAITING: Final = _gauge("rollup.waiting", "Rows of figures that wait to be recomputed, about.")
IMAGE_JOBS: Final = _counter("images.jobs", "Images to archive.")
IMAGES_STORED: Final = _counter("images.stored", "Images stored, by source: url, file_id, data.")
IMAGES_FAILED: Final = _counter("images.failed", "Images that could not be fetched, by source.")
IMAGE_RETRIES: Final = _counter("images.retries", "Second and later tries for an image, by source.")
IMAGE_DECODERS: Final = _counter("images.decoders_replaced", "Decoding processes replaced, by reason.")
IMAGES_PENDING: Final = _gauge("images.pending", "Images that wait to be archived.")
IMAGES_OLDEST_PENDING: Final = _gauge("images.oldest_pending.seconds", "Age of the oldest of them, in seconds.")
IMAGES_PAUSED: Final = _gauge("images.paused", "1 while the store takes no image at all: wrong credentials, a limit.")
IMAGE_JOURNALS_REBUILT: Final = _counter("images.journals_rebuilt", "Times the journal of images was rebuilt.")
OUTBOX_DELIVERED: Final = _counter("outbox.delivered", "Things a plugin has sent on.")
OUTBOX_RETRIES: Final = _counter("outbox.retries", "Second and later tries of a plugin to send something on.")
OUTBOX_LOST: Final = _counter("outbox.lost", "Things a plugin could not send on, by reason.")
OWN_LOGS: Final = _counter("own_logs", "Log records of the sidecar itself, by outcome.")

Series = tuple[str, tuple[tuple[str, str], ...]]


class Metrics:
    """Counters and gauges of this process, kept by name and attributes; optional plugins count on threads of their own."""

    def __init__(self) -> None:
        self._values: dict[Series, float] = {}
        self.gauges = set(GAUGES)
        self._lock = threading.Lock()

    def add(self, name: str, amount: float = 1, **attributes: str) -> None:
        """Raise a counter."""
        series = (name, tuple(sorted(attributes.items())))
        with self._lock:
            self._values[series] = self._values.get(series, 0) + amount

    def set(self, name: str, value: float, **attributes: str) -> None:
        """Set a gauge."""
        self.gauges.add(name)
        with self._lock:
            self._values[name, tuple(sorted(attributes.items()))] = value

    def value(self, name: str, **attributes: str) -> float:
        """Read one series; 0 when nothing was recorded."""
        return self._values.get((name, tuple(sorted(attributes.items()))), 0)

    def total(self, name: str, **having: str) -> float:
        """Read the sum over all series of a name, or over those that have these attributes too."""
        wanted = set(having.items())
        with self._lock:
            values = list(self._values.items())
        return sum(value for (known, attributes), value in values if known == name and wanted <= set(attributes))

    def snapshot(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """Every series by metric name, for an exporter."""
        by_name: dict[str, list[tuple[dict[str, str], float]]] = {}
        with self._lock:
            values = sorted(self._values.items())
        for (name, attributes), value in values:
            by_name.setdefault(name, []).append((dict(attributes), value))
        return by_name
