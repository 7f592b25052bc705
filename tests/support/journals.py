"""Journals of pictures for unit tests: opened in a folder, filled, and asked."""

import logging
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path

from sidecar.plugins.images.queue import job_rows
from sidecar.plugins.images.queue.job_rows import Claim
from sidecar.plugins.images.queue.jobs import Job
from sidecar.plugins.images.queue.journal import Journal
from sidecar.telemetry.metrics import Metrics
from tests.support.plugin_support import START, SetClock

LATER = job_rows.ms(START + timedelta(days=1))


def job(number: int = 1, source: str = "https://example.org/a.png") -> Job:
    return Job(str(uuid.UUID(int=number)), f"picture-{number}", "7", "url", source, START)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def asides(folder: Path) -> list[str]:
    return [name for name in names(folder) if ".corrupt-" in name and not name.endswith(("-wal", "-shm"))]


def journal_in(folder: Path, metrics: Metrics | None = None) -> Journal:
    return Journal(folder / "journal.sqlite", SetClock(), logging.getLogger("sidecar.images"), metrics or Metrics())


async def opened(folder: Path, metrics: Metrics | None = None) -> Journal:
    journal = journal_in(folder, metrics)
    await journal.open()
    return journal


async def add(journal: Journal, *numbers: int) -> None:
    await journal.do(partial(job_rows.add, jobs=[(job(number), 0) for number in numbers]))


async def states(journal: Journal, *numbers: int) -> dict[str, str]:
    return await journal.do(partial(job_rows.known, event_ids=[job(number).event_id for number in numbers]))


async def claimed(journal: Journal, limit: int = 100) -> list[Claim]:
    return await journal.do(partial(job_rows.claim, owner=journal.owner, limit=limit, now=LATER))
