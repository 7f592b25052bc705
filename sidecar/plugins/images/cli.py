"""`python -m sidecar images`: how the queue stands, failed pictures once more, pictures erased. The sidecar may run or not."""

import argparse
import asyncio
import contextlib
import logging
import sqlite3
import sys
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

from sidecar.errors import Retryable
from sidecar.plugin import Context, SystemClock
from sidecar.plugins.images.config import ImagesConfig
from sidecar.plugins.images.plugin import journal_of
from sidecar.plugins.images.queue import job_endings, job_rows
from sidecar.plugins.images.queue.journal import Journal
from sidecar.plugins.images.queue.spool import Spool
from sidecar.plugins.images.stores import build_store
from sidecar.plugins.images.upload.uploader import Keeper
from sidecar.telemetry.metrics import Metrics

IDS_AT_ONCE = 5000


def run(given: argparse.Namespace, config: ImagesConfig, data: Path) -> int:
    """Run a command and return its exit code; `data` is the plugin's folder. Raises Retryable."""
    context = Context(SystemClock(), logging.getLogger("sidecar.images"), Metrics(), data)
    if not (data / "journal.sqlite").exists():
        print("there is no journal of pictures yet: the images plugin has not run with this CHATTRAIL_SIDECAR_DATA")
        return 1
    if given.images == "status":
        return _status(data / "journal.sqlite")
    if given.images == "retry":
        return asyncio.run(_retry(context, given.reason, wait=not given.no_wait))
    return asyncio.run(_purge(context, config, given.user, given.event))


def _status(path: Path) -> int:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            found = job_endings.figures(db)
    except sqlite3.Error as error:
        raise Retryable(f"the picture journal can't be read: {error}") from None
    for state in ("stored", "pending", "uploading", "failed", "erased"):
        print(f"{found.states.get(state, 0):10}  {state}")
    for reason, count in found.failures.items():
        print(f"{count:10}  failed: {ascii(reason)[1:-1]}")
    if found.oldest is not None:
        print(f"the oldest picture that waits came at {job_rows.moment(found.oldest):%Y-%m-%d %H:%M:%S} UTC")
    print(f"{found.bytes / 1e6:.1f} MB are kept; {found.unpublished} changes are not in ClickHouse yet")
    if found.paused:
        print(f"ALL PICTURES WAIT: {found.paused}")
    return 0


async def _retry(context: Context, reason: str, *, wait: bool) -> int:
    journal = journal_of(context)
    await journal.open()
    try:
        now = job_rows.ms(context.clock.now())
        events = await journal.do(partial(job_endings.reopen, now=now, reason=reason))
        print(f"{len(events)} failed pictures are pending again")
        if not events or not wait:
            return 0
        if not journal.others():
            print("no sidecar runs with this journal: they are tried when one does")
            return 0
        bar = Bar(len(events))
        while True:
            states = await _states(journal, events)
            ended = [state for state in states if state not in ("pending", "uploading")]
            bar.show(len(ended))
            if len(ended) == len(states):
                break
            await asyncio.sleep(0.25)
        bar.end()
        stored = ended.count("stored")
        print(f"{stored} are stored now, {len(events) - stored} are not")
        return 0 if stored == len(events) else 1
    finally:
        await journal.close()


async def _states(journal: Journal, events: list[str]) -> list[str]:
    states: list[str] = []
    for begin in range(0, len(events), IDS_AT_ONCE):
        some = events[begin : begin + IDS_AT_ONCE]
        states += (await journal.do(partial(job_rows.known, event_ids=some))).values()
    return states


async def _purge(context: Context, config: ImagesConfig, user: str, event: str) -> int:
    journal, store = journal_of(context), build_store(config, config.directory, context)
    await journal.open()
    try:
        now = job_rows.ms(context.clock.now())
        events = await journal.do(partial(job_endings.erase, now=now, user_id=user, event_id=event))
        await asyncio.to_thread(_forget, Spool(context.data_directory / "spool"), events)
        print(f"{len(events)} pictures are erased in the journal; pages learn it from the sidecar when it runs")
        await store.start()
        unsettled = await journal.do(partial(job_rows.unsettled, store=store.name))
        bar = Bar(sum(blob.state == "deleting" for blob in unsettled))
        left = await Keeper(journal, store, context.clock).tidy(bar.step)
        bar.end()
        if left:
            print(f"{left} could not be deleted at the store now; the sidecar goes on trying")
        return 1 if left else 0
    finally:
        await store.close()
        await journal.close()


def _forget(spool: Spool, events: Collection[str]) -> None:
    for event in events:
        spool.remove(event)


class Bar:
    """Progress on a terminal: how much of how much, how fast, and how long still. Silent elsewhere."""

    WIDTH = 30

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._began = time.monotonic()
        self._shown = total > 0 and sys.stderr.isatty()

    def step(self) -> None:
        """One more is done."""
        self.show(self._done + 1)

    def show(self, done: int) -> None:
        """So many are done."""
        self._done = done
        if self._shown:
            sys.stderr.write(f"\r{self.line(done, time.monotonic() - self._began)}\033[K")
            sys.stderr.flush()

    def line(self, done: int, elapsed_s: float) -> str:
        """The bar as text."""
        filled = self.WIDTH * min(done, self._total) // max(self._total, 1)
        speed = done / elapsed_s if elapsed_s > 0 else 0.0
        left = f", {(self._total - done) / speed:.0f} s left" if speed > 0 else ""
        return f"[{'#' * filled}{'.' * (self.WIDTH - filled)}] {done}/{self._total} pictures, {speed:.1f}/s{left}"

    def end(self) -> None:
        """Go to the next line."""
        if self._shown:
            sys.stderr.write("\n")
