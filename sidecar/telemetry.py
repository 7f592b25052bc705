"""The sidecar's own figures: every metric name in one place, and the counters that hold them.

Names follow OTel: lowercase, dot namespaces; what varies (plugin, status, reason) is an attribute, never part of a
name. Attributes never carry contents of events, ids of people or secrets.
"""

import threading
import traceback
from typing import Final

# receiver: one of `status` (HTTP status of the answer)
REQUESTS: Final = "chattrail.sidecar.requests"
# receiver: inflated bytes and log records of accepted requests
RECEIVED_BYTES: Final = "chattrail.sidecar.received.bytes"
RECEIVED_RECORDS: Final = "chattrail.sidecar.received.records"
# receiver: gauge, bytes admitted and not yet answered
IN_FLIGHT_BYTES: Final = "chattrail.sidecar.in_flight.bytes"
# pipeline: requests that joined the same body already being handled
COALESCED: Final = "chattrail.sidecar.coalesced"
# pipeline, by `plugin`: batches handled, and failures by `outcome` (retryable, permanent, timeout, error)
PLUGIN_BATCHES: Final = "chattrail.sidecar.plugin.batches"
PLUGIN_FAILURES: Final = "chattrail.sidecar.plugin.failures"
# pipeline, by `plugin`: batches an optional plugin lost because its queue was full
PLUGIN_DROPPED: Final = "chattrail.sidecar.plugin.dropped"
# ClickHouse sink, by `reason`: records kept in dead_letters instead of their table
DEAD_LETTERS: Final = "chattrail.sidecar.dead_letters"
# ClickHouse sink: rounds of recomputing figures, and those that failed
ROLLUP_ROUNDS: Final = "chattrail.sidecar.rollup.rounds"
ROLLUP_FAILURES: Final = "chattrail.sidecar.rollup.failures"
# image archiver: jobs accepted; by `source` (url, file_id, data) pictures stored, jobs that failed for good, second tries
IMAGE_JOBS: Final = "chattrail.sidecar.images.jobs"
IMAGES_STORED: Final = "chattrail.sidecar.images.stored"
IMAGES_FAILED: Final = "chattrail.sidecar.images.failed"
IMAGE_RETRIES: Final = "chattrail.sidecar.images.retries"
# outboxes of plugins that send things on, by `plugin`: sent, tried again, lost by `reason` (full, refused, attempts, shutdown)
OUTBOX_DELIVERED: Final = "chattrail.sidecar.outbox.delivered"
OUTBOX_RETRIES: Final = "chattrail.sidecar.outbox.retries"
OUTBOX_LOST: Final = "chattrail.sidecar.outbox.lost"

Series = tuple[str, tuple[tuple[str, str], ...]]


class Metrics:
    """Counters and gauges of this process, kept by name and attributes; optional plugins count on threads of their own."""

    def __init__(self) -> None:
        self._values: dict[Series, float] = {}
        self._lock = threading.Lock()

    def add(self, name: str, amount: float = 1, **attributes: str) -> None:
        """Raise a counter."""
        series = (name, tuple(sorted(attributes.items())))
        with self._lock:
            self._values[series] = self._values.get(series, 0) + amount

    def set(self, name: str, value: float, **attributes: str) -> None:
        """Set a gauge."""
        with self._lock:
            self._values[name, tuple(sorted(attributes.items()))] = value

    def value(self, name: str, **attributes: str) -> float:
        """Read one series; 0 when nothing was recorded."""
        return self._values.get((name, tuple(sorted(attributes.items()))), 0)

    def snapshot(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        """Every series by metric name, for an exporter."""
        by_name: dict[str, list[tuple[dict[str, str], float]]] = {}
        with self._lock:
            values = sorted(self._values.items())
        for (name, attributes), value in values:
            by_name.setdefault(name, []).append((dict(attributes), value))
        return by_name


def origin(error: BaseException) -> str:
    """Where an exception was raised, as file:line and function: for logs that must not hold its message."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else "unknown place"
