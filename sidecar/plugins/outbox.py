"""What a plugin has yet to send: bounded, in order, tried again with backoff, counted. Lost when the process dies."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from sidecar.pipeline.attempt import attempt
from sidecar.pipeline.bounded_queue import BoundedQueue
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics

Item = TypeVar("Item")

LONGEST_WAIT_S = 300.0


class Outbox(Generic[Item]):
    """Delivers items one after another. `deliver` raises RetryableError or PermanentError; anything else is retried."""

    def __init__(
        self,
        plugin: str,
        deliver: Callable[[Item], Awaitable[None]],
        metrics: Metrics,
        logger: logging.Logger,
        *,
        capacity: int,
        size: Callable[[Item], int] = lambda _: 1,
        attempts: int,
        backoff_s: float,
        timeout_s: float,
    ) -> None:
        self._plugin = plugin
        self._deliver = deliver
        self._metrics = metrics
        self._logger = logger
        self._attempts = attempts
        self._backoff_s = backoff_s
        self._timeout_s = timeout_s
        self._queue = BoundedQueue(f"{plugin} outbox", self._send, capacity=capacity, size=size)

    def start(self) -> None:
        """Begin to deliver."""
        self._queue.start()

    def put(self, item: Item) -> bool:
        """Queue an item; False, and counted, when there is no room for it."""
        if self._queue.put(item):
            return True
        self._lost("full")
        return False

    async def stop(self, flush_s: float) -> None:
        """Give what is queued this long to leave, count the rest as lost, and end. Idempotent."""
        if left := await self._queue.stop(flush_s):
            self._lost("shutdown", left)

    async def _send(self, item: Item) -> None:
        for number in range(1, self._attempts + 1):
            failure = await attempt(partial(self._deliver, item), self._timeout_s)
            if failure is None:
                self._metrics.add(telemetry.OUTBOX_DELIVERED, plugin=self._plugin)
                return
            if failure.outcome == "permanent":
                self._logger.error("%s: given up: %s", self._plugin, failure)
                self._lost("refused")
                return
            if number < self._attempts:
                self._metrics.add(telemetry.OUTBOX_RETRIES, plugin=self._plugin)
                self._logger.warning("%s: attempt %d failed: %s", self._plugin, number, failure)
                backoff = self._backoff_s * 2 ** (number - 1) * random.uniform(0.8, 1.2)
                after = failure.after if failure.outcome == "retryable" else 0.0
                await asyncio.sleep(min(max(backoff, after), LONGEST_WAIT_S))
        self._logger.error("%s: given up after %d attempts: %s", self._plugin, self._attempts, failure)
        self._lost("attempts")

    def _lost(self, reason: str, count: int = 1) -> None:
        self._metrics.add(telemetry.OUTBOX_LOST, count, plugin=self._plugin, reason=reason)
        if reason == "full":
            self._logger.warning("%s: the queue is full; dropped", self._plugin)
