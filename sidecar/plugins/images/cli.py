"""`python -m sidecar images`: how the queue stands, failed images once more, images erased. The sidecar may run or not."""

import argparse
import asyncio
import contextlib
import logging
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from sidecar.errors import RetryableError
from sidecar.plugin import Context, SystemClock
from sidecar.plugins.images.config import ImagesConfig
from sidecar.plugins.images.plugin import job_store_of
from sidecar.plugins.images.queue.figures import figures
from sidecar.plugins.images.queue.spool import Spool
from sidecar.plugins.images.stores import build_store
from sidecar.plugins.images.upload.uploader import Uploader
from sidecar.telemetry.metrics import Metrics

IDS_AT_ONCE = 5000


def run(given: argparse.Namespace, config: ImagesConfig, data: Path) -> int:
    """Run a command and return its exit code; `data` is the plugin's folder. Raises RetryableError."""
    context = Context(SystemClock(), logging.getLogger("sidecar.images"), Metrics(), data)
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
            found = figures(db)
    except sqlite3.Error as error:
        raise RetryableError(f"the image journal can't be read: {error}") from None
    for state in ("stored", "pending", "uploading", "failed", "erased"):
        print(f"{found.states.get(state, 0):10}  {state}")
    for reason, count in found.failures.items():
        print(f"{count:10}  failed: {ascii(reason)[1:-1]}")
    if found.oldest is not None:
        print(
            f"the oldest image that waits came at {datetime.fromtimestamp(found.oldest / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        )
    print(f"{found.bytes / 1e6:.1f} MB are kept; {found.unpublished} changes are not in ClickHouse yet")
    if found.paused:
        print(f"ALL IMAGES WAIT: {found.paused}")
    return 0


async def _retry(context: Context, reason: str, *, wait: bool) -> int:
    jobs = job_store_of(context)
    await jobs.open()
    try:
        events = await jobs.reopen(reason)
        print(f"{len(events)} failed images are pending again")
        if not events or not wait:
            return 0
        if not jobs.others():
            print("no sidecar runs with this journal: they are tried when one does")
            return 0
        progress = Progress(len(events))
        while True:
            states: list[str] = []
            for begin in range(0, len(events), IDS_AT_ONCE):
                states += (await jobs.states(events[begin : begin + IDS_AT_ONCE])).values()
            ended = [state for state in states if state not in ("pending", "uploading")]
            progress.show(len(ended))
            if len(ended) == len(states):
                break
            await asyncio.sleep(0.25)
        stored = ended.count("stored")
        print(f"{stored} are stored now, {len(events) - stored} are not")
        return 0 if stored == len(events) else 1
    finally:
        await jobs.close()


async def _purge(context: Context, config: ImagesConfig, user: str, event: str) -> int:
    jobs, store = job_store_of(context), build_store(config, config.directory, context)
    await jobs.open()
    try:
        events = await jobs.erase(user_id=user, event_id=event)
        await asyncio.to_thread(Spool(context.data_directory / "spool").remove, *events)
        print(f"{len(events)} images are erased in the journal; pages show it when the sidecar runs")
        await store.start()
        progress = Progress(sum(blob.state == "deleting" for blob in await jobs.unsettled(store.name)))
        left = await Uploader(jobs, store).settle_all(progress.step)
        if left:
            print(f"{left} could not be deleted at the store now; the sidecar goes on trying")
        return 1 if left else 0
    finally:
        await store.close()
        await jobs.close()


class Progress:
    """Progress on a terminal: how much of how much, how fast, and how long still. Silent elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._began = time.monotonic()

    def step(self) -> None:
        """Show that one more is done."""
        self.show(self._done + 1)

    def show(self, done: int) -> None:
        """Show that so many are done."""
        self._done = done
        if sys.stderr.isatty():
            end = "\n" if done == self._total else "\033[K"
            print(f"\r{self.line(done, time.monotonic() - self._began)}", end=end, file=sys.stderr, flush=True)

    def line(self, done: int, elapsed_s: float) -> str:
        """Return the progress as text."""
        speed = done / elapsed_s if elapsed_s > 0 else 0.0
        left = f", {(self._total - done) / speed:.0f} s left" if speed > 0 else ""
        bar = "#" * (30 * min(done, self._total) // max(self._total, 1))
        return f"[{bar:.<30}] {done}/{self._total} images, {speed:.1f}/s{left}"
