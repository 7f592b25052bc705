"""How many images wait and for how long: set for metrics and alerts whether or not anything can be archived."""

import asyncio

from sidecar.errors import RetryableError
from sidecar.plugin import Context
from sidecar.plugins.images.queue.job_store import JobStore
from sidecar.telemetry import metrics as telemetry

EVERY_S = 10.0


async def report_waiting(jobs: JobStore, context: Context) -> None:
    """Set the gauges from the journal, again and again, until cancelled."""
    while True:
        try:
            waiting, oldest = await jobs.waiting()
        except RetryableError as error:
            context.logger.info("%s; trying again", error.reason)
        else:
            age = 0.0 if oldest is None else context.clock.now().timestamp() - oldest / 1000
            context.metrics.set(telemetry.IMAGES_PENDING, waiting)
            context.metrics.set(telemetry.IMAGES_OLDEST_PENDING, max(age, 0.0))
        await asyncio.sleep(EVERY_S)
