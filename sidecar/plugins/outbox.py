"""What a plugin has yet to send: bounded, in order, tried again with backoff, counted. Lost when the process dies."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from common.error_location import error_location
from sidecar.errors import Permanent, Retryable
from sidecar.pipeline.bounded_queue import BoundedQueue
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics

Item = TypeVar("Item")

LONGEST_WAIT_S = 300.0


class Outbox(Generic[Item]):
    """Delivers items one after another. `deliver` raises Retryable or Permanent; anything else counts as Retryable."""

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
        for attempt in range(1, self._attempts + 1):
            after = 0.0
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._deliver(item)
            except Permanent as error:
                self._logger.error("%s: given up: %s", self._plugin, error.reason)
                self._lost("refused")
                return
            except Retryable as error:
                reason, after = error.reason, error.after
            except TimeoutError:
                reason = f"no answer within {self._timeout_s:g} s"
            except Exception as error:  # its text may hold an address with a secret in it
                reason = f"{type(error).__name__} at {error_location(error)}"
            else:
                self._metrics.add(telemetry.OUTBOX_DELIVERED, plugin=self._plugin)
                return
            if attempt < self._attempts:
                self._metrics.add(telemetry.OUTBOX_RETRIES, plugin=self._plugin)
                self._logger.warning("%s: attempt %d failed: %s", self._plugin, attempt, reason)
                backoff = self._backoff_s * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
                await asyncio.sleep(min(max(backoff, after), LONGEST_WAIT_S))
        self._logger.error("%s: given up after %d attempts: %s", self._plugin, self._attempts, reason)
        self._lost("attempts")

    def _lost(self, reason: str, count: int = 1) -> None:
        self._metrics.add(telemetry.OUTBOX_LOST, count, plugin=self._plugin, reason=reason)
        if reason == "full":
            self._logger.warning("%s: the queue is full; dropped", self._plugin)
