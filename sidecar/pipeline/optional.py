"""Optional plugins run beside the path of the ack: a bounded queue, a time limit and counters each."""

import asyncio
import logging
from functools import partial

from sidecar.otlp.batch import Batch
from sidecar.pipeline.attempt import attempt
from sidecar.pipeline.bounded_queue import BoundedQueue
from sidecar.plugin import Plugin
from sidecar.telemetry import loop_guard
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics

ATTEMPTS = 3


class OptionalPlugin:
    """One optional plugin with its queue. `offer` never waits and never raises: a full queue drops the batch, counted."""

    def __init__(
        self,
        name: str,
        plugin: Plugin,
        metrics: Metrics,
        logger: logging.Logger,
        *,
        queue_bytes: int = 64 << 20,
        time_limit_s: float = 30.0,
    ) -> None:
        self._name = name
        self._plugin = plugin
        self._metrics = metrics
        self._logger = logger
        self._time_limit_s = time_limit_s
        self._queue = BoundedQueue(
            f"plugin {name}", self._work, capacity=queue_bytes, size=lambda batch: batch.held_bytes
        )

    def start(self) -> None:
        """Begin to hand over what `offer` queued."""
        self._queue.start()

    def offer(self, batch: Batch) -> None:
        """Queue a batch for the plugin, or drop it when the queue is full."""
        if not self._queue.put(batch):
            self._metrics.add(telemetry.PLUGIN_DROPPED, plugin=self._name)

    async def stop(self, time_limit_s: float) -> None:
        """Let the plugin finish its queue within the limit, count what is left as dropped, and end the worker."""
        if left := await self._queue.stop(time_limit_s):  # also those of a plugin that never started
            self._metrics.add(telemetry.PLUGIN_DROPPED, left, plugin=self._name)

    async def _work(self, batch: Batch) -> None:
        with loop_guard.work():
            loop_guard.mark(batch.is_own)
            await self._hand_over(batch)

    async def _hand_over(self, batch: Batch) -> None:
        for number in range(1, ATTEMPTS + 1):
            failure = await attempt(partial(self._plugin.handle, batch), self._time_limit_s)
            if failure is None:
                self._metrics.add(telemetry.PLUGIN_BATCHES, plugin=self._name)
                return
            self._metrics.add(telemetry.PLUGIN_FAILURES, plugin=self._name, outcome=failure.outcome)
            self._logger.warning("plugin %s failed on a batch (%s): %s", self._name, failure.outcome, failure)
            if failure.outcome != "retryable":
                return
            if number < ATTEMPTS:
                await asyncio.sleep(failure.after)
