"""`python -m sidecar images`: how the queue stands, failed images once more, images erased. The sidecar may run or not."""

import argparse
import asyncio
import contextlib
import logging
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from sidecar.errors import RetryableError
from sidecar.plugin import Clock, Context
from sidecar.plugins.images.queue.job_store import JobStore
from sidecar.plugins.images.queue.spool import Spool
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores import build_store
from sidecar.plugins.images.upload.uploader import Uploader
from sidecar.telemetry.metrics import Metrics

IDS_AT_ONCE = 5000
FAILURES = "SELECT reason, count(*) FROM jobs WHERE state = 'failed' GROUP BY reason ORDER BY 2 DESC"
FIGURES = """
SELECT (SELECT min(created_at) FROM jobs WHERE state IN ('pending', 'uploading')),
    (SELECT coalesce(sum(bytes), 0) FROM blobs WHERE state = 'stored'),
    (SELECT count(*) FROM jobs WHERE published_at < updated_at), (SELECT value FROM meta WHERE name = 'paused')
"""


def run(given: argparse.Namespace, config: ImagesSettings, data: Path) -> int:
    """Run a command and return its exit code; `data` is the plugin's folder. Raises RetryableError."""
    context = Context(Clock(), logging.getLogger("sidecar.images"), Metrics(), data)
    if not (data / "journal.sqlite").exists():
        print("there is no journal of images yet: the images plugin has not run with this CHATTRAIL_SIDECAR_DATA")
        return 1
    if given.images == "status":
        return _status(data / "journal.sqlite")
    if given.images == "retry":
        return asyncio.run(_retry(context, given.reason, wait=not given.no_wait))
    return asyncio.run(_purge(context, config, given.user, given.event))


def _status(path: Path) -> int:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            states = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
            failures = db.execute(FAILURES).fetchall()
            oldest, size, unpublished, paused = db.execute(FIGURES).fetchone()
    except sqlite3.Error as error:
        raise RetryableError(f"the image journal can't be read: {error}") from None
    for state in ("stored", "pending", "uploading", "failed", "erased"):
        print(f"{states.get(state, 0):10}  {state}")
    for reason, count in failures:
        print(f"{count:10}  failed: {ascii(reason)[1:-1]}")
    if oldest is not None:
        print(f"the oldest image that waits came at {datetime.fromtimestamp(oldest / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC")
    print(f"{size / 1e6:.1f} MB are kept; {unpublished} changes are not in ClickHouse yet")
    if paused:
        print(f"ALL IMAGES WAIT: {paused}")
    return 0


async def _retry(context: Context, reason: str, *, wait: bool) -> int:
    jobs = JobStore(context)
    await jobs.open()
    try:
        events = await jobs.reopen(reason)
        print(f"{len(events)} failed images are pending again")
        if not events or not wait:
            return 0
        if not jobs.others():
            print("no sidecar runs with this journal: they are tried when one does")
            return 0
        with _progress() as progress:
            bar = progress.add_task("", total=len(events))
            while not progress.finished:
                states: list[str] = []
                for begin in range(0, len(events), IDS_AT_ONCE):
                    states += (await jobs.states(events[begin : begin + IDS_AT_ONCE])).values()
                ended = [state for state in states if state not in ("pending", "uploading")]
                progress.update(bar, completed=len(ended))
                await asyncio.sleep(0 if progress.finished else 0.25)
        stored = ended.count("stored")
        print(f"{stored} are stored now, {len(events) - stored} are not")
        return 0 if stored == len(events) else 1
    finally:
        await jobs.close()


async def _purge(context: Context, config: ImagesSettings, user: str, event: str) -> int:
    jobs, store = JobStore(context), build_store(config, context)
    await jobs.open()
    try:
        events = await jobs.erase(user_id=user, event_id=event)
        await asyncio.to_thread(Spool(context.data_directory / "spool").remove, *events)
        print(f"{len(events)} images are erased in the journal; pages show it when the sidecar runs")
        await store.start()
        with _progress() as progress:
            open_ones = [blob for blob in await jobs.unsettled(store.name) if blob.state == "deleting"]
            bar = progress.add_task("", total=len(open_ones))
            left = await Uploader(jobs, store).settle_all(lambda: progress.advance(bar))
        if left:
            print(f"{left} could not be deleted at the store now; the sidecar goes on trying")
        return 1 if left else 0
    finally:
        await store.close()
        await jobs.close()


def _progress() -> Progress:
    """Return a progress bar for a terminal; it is silent elsewhere."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
