"""An alarm for when most of what arrives can't be stored: a broken sender or release, which refusing would only hide.

It refuses nothing: dead letters keep the records, and a refusal would make senders drop them or wait for ever.
"""

import logging
from collections import deque

from sidecar.plugin import Clock
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.loop_guard import SERVICE_NAME
from sidecar.telemetry.metrics import Metrics

WINDOW_S = 60.0
LEAST_RECORDS = 20  # fewer say nothing
SHARE = 0.5


class DeadLetterAlarm:
    """Watches the share of dead letters among the records of the last minute."""

    def __init__(self, clock: Clock, metrics: Metrics, logger: logging.Logger) -> None:
        self._clock = clock
        self._metrics = metrics
        self._logger = logger
        self._seen: deque[tuple[float, int, float]] = deque()  # when, records, dead letters among them
        self._records = 0
        self._dead = self._counted = 0.0
        self._raised = False
        metrics.set(telemetry.DEAD_LETTER_ALARM, 0)

    def observe(self, records: int) -> None:
        """Take note of what senders' batches held; how many dead letters that made is known from the metrics."""
        own = self._metrics.total(telemetry.DEAD_LETTERS, source=SERVICE_NAME)
        total = self._metrics.total(telemetry.DEAD_LETTERS) - own
        dead, self._counted = total - self._counted, total
        self._seen.append((self._clock.monotonic(), records, dead))
        self._records += records
        self._dead += dead
        self.reason()

    def reason(self) -> str:
        """What is wrong, or "" while nothing is."""
        self._forget()
        raised = self._records >= LEAST_RECORDS and self._dead > SHARE * self._records
        reason = (
            f"{self._dead:.0f} of the last {self._records} records could not be stored and went to dead_letters; "
            "`python -m sidecar dead-letters` says why"
        )
        if raised and not self._raised:
            self._logger.error("most of the input can't be stored: %s", reason)
        elif self._raised and not raised:
            self._logger.warning("most of the input can be stored again")
        if raised != self._raised:
            self._raised = raised
            self._metrics.set(telemetry.DEAD_LETTER_ALARM, int(raised))
        return reason if raised else ""

    def _forget(self) -> None:
        until = self._clock.monotonic() - WINDOW_S
        while self._seen and self._seen[0][0] <= until:
            _, records, dead = self._seen.popleft()
            self._records -= records
            self._dead -= dead
