"""What a plugin has yet to send: bounded, in order, tried again with backoff, counted. Lost when the process dies."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from pydantic import Field

from common.settings import Settings
from sidecar.pipeline.attempt import attempt
from sidecar.pipeline.bounded_queue import BoundedQueue
from sidecar.plugin import Context
from sidecar.telemetry import metrics as telemetry

Item = TypeVar("Item")

LONGEST_WAIT_S = 300.0


class OutboxSettings(Settings):
    """How hard a plugin tries to send something on; the settings of such a plugin inherit it."""

    timeout_s: float = Field(10.0, gt=0, le=300, description="Seconds for one attempt to send.")
    attempts: int = Field(10, ge=1, le=100, description="Tries before what is to be sent is given up.")
    backoff_s: float = Field(1.0, gt=0, description="Seconds before the second try; doubled for each further one.")
    flush_s: float = Field(3.0, ge=0, description="Seconds to send what waits when the sidecar ends.")


class Outbox(Generic[Item]):
    """Delivers items one after another. `deliver` raises RetryableError or PermanentError; anything else is retried."""

    def __init__(
        self,
        plugin: str,
        deliver: Callable[[Item], Awaitable[None]],
        settings: OutboxSettings,
        context: Context,
        *,
        capacity: int,
        size: Callable[[Item], int] = lambda _: 1,
    ) -> None:
        self._plugin = plugin
        self._deliver = deliver
        self._settings = settings
        self._metrics, self._logger = context.metrics, context.logger
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

    async def stop(self) -> None:
        """Give what is queued `flush_s` seconds to leave, count the rest as lost, and end. Idempotent."""
        if left := await self._queue.stop(self._settings.flush_s):
            self._lost("shutdown", left)

    async def _send(self, item: Item) -> None:
        settings = self._settings
        for number in range(1, settings.attempts + 1):
            failure = await attempt(partial(self._deliver, item), settings.timeout_s)
            if failure is None:
                self._metrics.add(telemetry.OUTBOX_DELIVERED, plugin=self._plugin)
                return
            if failure.outcome == "permanent":
                self._logger.error("%s: given up: %s", self._plugin, failure)
                self._lost("refused")
                return
            if number < settings.attempts:
                self._metrics.add(telemetry.OUTBOX_RETRIES, plugin=self._plugin)
                self._logger.warning("%s: attempt %d failed: %s", self._plugin, number, failure)
                backoff = settings.backoff_s * 2 ** (number - 1) * random.uniform(0.8, 1.2)
                after = failure.after if failure.outcome == "retryable" else 0.0
                await asyncio.sleep(min(max(backoff, after), LONGEST_WAIT_S))
        self._logger.error("%s: given up after %d attempts: %s", self._plugin, settings.attempts, failure)
        self._lost("attempts")

    def _lost(self, reason: str, count: int = 1) -> None:
        self._metrics.add(telemetry.OUTBOX_LOST, count, plugin=self._plugin, reason=reason)
        if reason == "full":
            self._logger.warning("%s: the queue is full; dropped", self._plugin)
