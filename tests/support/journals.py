"""Journals of images for unit tests: opened in a folder, filled, and asked."""

import logging
import uuid
from datetime import timedelta
from pathlib import Path

from sidecar.plugin import Context
from sidecar.plugins.images.queue.job_store import JobStore
from sidecar.plugins.images.queue.jobs import Job, ms
from sidecar.telemetry.metrics import Metrics
from tests.support.clock import START, FakeClock

LATER = ms(START + timedelta(days=1))


def job(number: int = 1, source: str = "https://example.org/a.png") -> Job:
    return Job(str(uuid.UUID(int=number)), f"image-{number}", "7", "url", source, ms(START))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def asides(folder: Path) -> list[str]:
    return [name for name in names(folder) if ".corrupt-" in name and not name.endswith(("-wal", "-shm"))]


async def opened(folder: Path, metrics: Metrics | None = None, clock: FakeClock | None = None) -> JobStore:
    """A journal that is open; by its clock it is LATER than the jobs came."""
    clock = clock or FakeClock(START + timedelta(days=1))
    jobs = JobStore(Context(clock, logging.getLogger("sidecar.images"), metrics or Metrics(), folder))
    await jobs.open()
    return jobs


async def add(jobs: JobStore, *numbers: int) -> None:
    await jobs.add([(job(number), 0) for number in numbers])


async def states(jobs: JobStore, *numbers: int) -> dict[str, str]:
    return await jobs.states([job(number).event_id for number in numbers])


async def claimed(jobs: JobStore, limit: int = 100) -> list[Job]:
    return await jobs.claim(limit)
