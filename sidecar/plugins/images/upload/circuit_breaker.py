"""Holds the whole queue back while the store takes nothing, and lets one picture through to see whether it does again."""

import asyncio
import contextlib
import logging

from sidecar.plugin import Clock
from sidecar.plugins.images.stores.base import Paused
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics


class Gate:
    """Open until `pause`; then shut for the time it names, then open to one at a time until `passed`."""

    def __init__(self, clock: Clock, metrics: Metrics, logger: logging.Logger) -> None:
        self._clock = clock
        self._metrics = metrics
        self._logger = logger
        self._until: float | None = None
        self._probing = False
        self._changed = asyncio.Event()
        self.reason = ""

    @property
    def shut(self) -> bool:
        """Whether the store is known to take nothing: no picture has passed since the last pause."""
        return self._until is not None

    async def enter(self) -> None:
        """Wait until a picture may be tried; `leave` is due afterwards, whatever came of it."""
        while self._until is not None:
            wait = self._until - self._clock.monotonic()
            if wait <= 0 and not self._probing:
                self._probing = True
                return
            changed = self._changed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self._probing else max(wait, 0.01)):
                    await changed.wait()

    def leave(self) -> None:
        """The turn of a picture is over; when nothing was learnt of the store the next one may look."""
        self._probing = False
        self._tell()

    def pause(self, error: Paused) -> None:
        """Shut. Told loudly once, not by every picture that finds out."""
        if error.reason != self.reason:
            self._logger.error("ALL PICTURES WAIT: %s; one is tried again every %g s", error.reason, error.after)
        self.reason = error.reason
        self._until = self._clock.monotonic() + error.after
        self._metrics.set(telemetry.IMAGES_PAUSED, 1)
        self._tell()

    def passed(self) -> bool:
        """The store took a picture: open. Whether that is news."""
        if self._until is None:
            return False
        self._until, self.reason = None, ""
        self._logger.warning("the store takes pictures again")
        self._metrics.set(telemetry.IMAGES_PAUSED, 0)
        self._tell()
        return True

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
