"""How many pictures wait and for how long: told to metrics and alerts whether or not anything can be archived."""

import asyncio

from sidecar.errors import Retryable
from sidecar.plugin import Context
from sidecar.plugins.images.queue import job_endings
from sidecar.plugins.images.queue.journal import Journal
from sidecar.telemetry import metrics as telemetry

EVERY_S = 10.0


async def keep_telling(journal: Journal, context: Context) -> None:
    """Set the gauges from the journal, again and again, until cancelled."""
    while True:
        try:
            waiting, oldest = await journal.do(job_endings.waiting)
        except Retryable as error:
            context.logger.info("%s; trying again", error.reason)
        else:
            age = 0.0 if oldest is None else context.clock.now().timestamp() - oldest / 1000
            context.metrics.set(telemetry.IMAGES_PENDING, waiting)
            context.metrics.set(telemetry.IMAGES_OLDEST_PENDING, max(age, 0.0))
        await asyncio.sleep(EVERY_S)
