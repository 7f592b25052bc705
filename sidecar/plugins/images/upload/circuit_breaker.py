"""Holds the whole queue back while the store takes nothing, and lets one image through to see whether it does again."""

import asyncio

from common.waiting import set_within
from sidecar.plugin import Context
from sidecar.plugins.images.stores.base import StorePausedError
from sidecar.telemetry import metrics as telemetry

LONGEST_PROBE_S = 3600.0  # every probe ends by `leave`, which wakes the others


class CircuitBreaker:
    """Closed until `pause`; then open (nothing passes) for a time, then half open (one at a time) until `passed`."""

    def __init__(self, context: Context) -> None:
        self._clock, self._metrics, self._logger = context.clock, context.metrics, context.logger
        self._until: float | None = None
        self._probing = False
        self._changed = asyncio.Event()
        self.reason = ""

    @property
    def is_open(self) -> bool:
        """Whether the store is known to take nothing: no image has passed since the last pause."""
        return self._until is not None

    async def enter(self) -> None:
        """Wait until an image may be tried; `leave` is due afterwards, whatever the outcome."""
        while self._until is not None:
            wait = self._until - self._clock.monotonic()
            if wait <= 0 and not self._probing:
                self._probing = True
                return
            await set_within(self._changed, LONGEST_PROBE_S if self._probing else max(wait, 0.01))

    def leave(self) -> None:
        """End the try of an image; when it showed nothing of the store the next one may try."""
        self._probing = False
        self._notify()

    def pause(self, error: StorePausedError) -> None:
        """Open. Logged as an error once, not for every image that meets the same reason."""
        if error.reason != self.reason:
            self._logger.error("ALL IMAGES WAIT: %s; one is tried again every %g s", error.reason, error.after)
        self._set(error.reason, self._clock.monotonic() + error.after)

    def passed(self) -> bool:
        """Close, as the store took an image. Whether the breaker was open."""
        if self._until is None:
            return False
        self._logger.warning("the store takes images again")
        self._set("", None)
        return True

    def _set(self, reason: str, until: float | None) -> None:
        self.reason, self._until = reason, until
        self._metrics.set(telemetry.IMAGES_PAUSED, int(until is not None))
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
