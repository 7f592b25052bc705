"""The sidecar's own figures: every metric name in one place, and the counters that hold them.

Names follow OTel: lowercase, dot namespaces; what varies (plugin, status, reason) is an attribute, never part of a
name. Attributes never carry contents of events, ids of people or secrets.
"""

import threading
from collections.abc import Mapping
from typing import Final

REQUESTS: Final = "chattrail.sidecar.requests"
RECEIVED_BYTES: Final = "chattrail.sidecar.received.bytes"
RECEIVED_RECORDS: Final = "chattrail.sidecar.received.records"
IN_FLIGHT_BYTES: Final = "chattrail.sidecar.in_flight.bytes"
COALESCED: Final = "chattrail.sidecar.coalesced"
PLUGIN_BATCHES: Final = "chattrail.sidecar.plugin.batches"
PLUGIN_FAILURES: Final = "chattrail.sidecar.plugin.failures"
PLUGIN_DROPPED: Final = "chattrail.sidecar.plugin.dropped"
DEAD_LETTERS: Final = "chattrail.sidecar.dead_letters"
DEAD_LETTER_ALARM: Final = "chattrail.sidecar.poison.alarm"
ROLLUP_ROUNDS: Final = "chattrail.sidecar.rollup.rounds"
ROLLUP_FAILURES: Final = "chattrail.sidecar.rollup.failures"
ROLLUP_ROWS: Final = "chattrail.sidecar.rollup.rows"
ROLLUP_SKIPPED: Final = "chattrail.sidecar.rollup.skipped"
ROLLUP_WAITING: Final = "chattrail.sidecar.rollup.waiting"
IMAGE_JOBS: Final = "chattrail.sidecar.images.jobs"
IMAGES_STORED: Final = "chattrail.sidecar.images.stored"
IMAGES_FAILED: Final = "chattrail.sidecar.images.failed"
IMAGE_RETRIES: Final = "chattrail.sidecar.images.retries"
IMAGE_DECODERS: Final = "chattrail.sidecar.images.decoders_replaced"
IMAGES_PENDING: Final = "chattrail.sidecar.images.pending"
IMAGES_OLDEST_PENDING: Final = "chattrail.sidecar.images.oldest_pending.seconds"
IMAGES_PAUSED: Final = "chattrail.sidecar.images.paused"
IMAGE_JOURNALS_REBUILT: Final = "chattrail.sidecar.images.journals_rebuilt"
# outboxes of plugins that send things on, by `plugin`: sent, tried again, lost by `reason` (full, refused, attempts, shutdown)
OUTBOX_DELIVERED: Final = "chattrail.sidecar.outbox.delivered"
OUTBOX_RETRIES: Final = "chattrail.sidecar.outbox.retries"
OUTBOX_LOST: Final = "chattrail.sidecar.outbox.lost"
# log records of the sidecar itself, by `outcome`: exported, failed, or not sent: loop, rate, full
OWN_LOGS: Final = "chattrail.sidecar.own_logs"

GAUGES: Final = frozenset(
    {IN_FLIGHT_BYTES, DEAD_LETTER_ALARM, ROLLUP_WAITING, IMAGES_PENDING, IMAGES_OLDEST_PENDING, IMAGES_PAUSED}
)
DESCRIPTIONS: Final[Mapping[str, str]] = {
    REQUESTS: "Requests answered, by HTTP status.",
    RECEIVED_BYTES: "Inflated bytes of requests whose records are all stored.",
    RECEIVED_RECORDS: "Log records of those requests.",
    IN_FLIGHT_BYTES: "Bytes of requests being read, inflated or stored now.",
    COALESCED: "Requests that joined the same body already being handled.",
    PLUGIN_BATCHES: "Batches a plugin handled.",
    PLUGIN_FAILURES: "Batches a plugin failed on, by outcome: retryable, permanent, timeout, error.",
    PLUGIN_DROPPED: "Batches an optional plugin lost because its queue was full.",
    DEAD_LETTERS: "Records that could not be stored and went to dead_letters, by reason.",
    DEAD_LETTER_ALARM: "1 while most of the input can't be stored.",
    ROLLUP_ROUNDS: "Rounds of recomputing figures.",
    ROLLUP_FAILURES: "Rounds of recomputing figures that failed.",
    ROLLUP_ROWS: "Rows of figures (a person's quarter of an hour) that were recomputed.",
    ROLLUP_SKIPPED: "Rows of figures given up because ClickHouse has too little memory or time for their events.",
    ROLLUP_WAITING: "Rows of figures that wait to be recomputed, about: a backlog that grows is one.",
    OUTBOX_DELIVERED: "Things a plugin has sent on.",
    OUTBOX_RETRIES: "Second and later tries of a plugin to send something on.",
    OUTBOX_LOST: "Things a plugin could not send on, by reason: full, refused, attempts, shutdown.",
    OWN_LOGS: "Log records of the sidecar itself, by outcome: exported, failed, or not sent: loop, rate, full.",
    IMAGE_JOBS: "Pictures to archive.",
    IMAGES_STORED: "Pictures stored, by source: url, file_id, data.",
    IMAGES_FAILED: "Pictures that can't be had, by source.",
    IMAGE_RETRIES: "Second and later tries for a picture, by source.",
    IMAGE_DECODERS: "Decoding processes replaced, by reason: cpu, memory, hung, crashed, ended, cancelled.",
    IMAGES_PENDING: "Pictures that wait to be archived.",
    IMAGES_OLDEST_PENDING: "Age of the oldest of them, in seconds.",
    IMAGES_PAUSED: "1 while the store takes no picture at all: wrong credentials, a limit.",
    IMAGE_JOURNALS_REBUILT: "Times the journal of pictures was damaged, set aside and rebuilt.",
}

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
