"""Carries the journal's news to the `images` table until it is there, and fills a new journal from the table."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from common.error_location import error_location
from sidecar.errors import Retryable
from sidecar.plugin import Context
from sidecar.plugins.images.queue import job_endings, job_rows
from sidecar.plugins.images.queue.job_rows import Blob, blob_crc, job_crc, moment, ms
from sidecar.plugins.images.queue.jobs import Job
from sidecar.plugins.images.queue.journal import Journal
from sidecar.plugins.images.queue.schema import BLOB_COLUMNS
from sidecar.plugins.images.queue.spool import Spool
from sidecar.plugins.images.table.rows import EPOCH, NOBODY, ImagesTable

ROWS_AT_ONCE = 2000
LOOK_S = 1.0
SETTLE_S = 0.05  # so that changes of one moment travel in one insert
LONGEST_WAIT_S = 10.0
DOUBTED = timedelta(
    days=1
)  # what a crash may have taken from the journal is not older, the table's word is heard for so long


class Publisher:
    """One task. `filled` is set once the journal knows what the table knows; before that no job should be worked on."""

    def __init__(self, journal: Journal, url: str, spool: Spool, context: Context) -> None:
        self._journal = journal
        self._url = url
        self._spool = spool
        self._clock = context.clock
        self._logger = context.logger
        self._table: ImagesTable | None = None
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.filled = asyncio.Event()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="images publisher")

    def wake(self) -> None:
        """Something changed in the journal."""
        self._news.set()

    async def stop(self, flush_s: float = 3.0) -> None:
        """Publish what there is if that works at once, and end; the rest is published in the next life. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            self._stopping.set()
            self._news.set()
            await asyncio.wait([task], timeout=flush_s)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        table, self._table = self._table, None
        if table is not None:
            await table.close()

    async def _run(self) -> None:
        wait, told = 0.25, ""
        while True:
            last = self._stopping.is_set()
            self._news.clear()
            try:
                await self._round()
            except Exception as error:
                # its text may hold what was to be inserted
                unforeseen = f"unexpected {type(error).__name__} at {error_location(error)}"
                reason = error.reason if isinstance(error, Retryable) else unforeseen
                if told != reason:
                    self._logger.warning("%s; the journal keeps what pages will show later", reason)
                told = reason
            else:
                wait, told = 0.25, ""
            if last:
                return
            if told:
                await _either(self._stopping, wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
            else:
                await _either(self._news, LOOK_S)
                await _either(self._stopping, SETTLE_S)

    async def _round(self) -> None:
        if self._table is None:
            self._table = await ImagesTable.connect(self._url)
        if not await self._journal.do(job_endings.sure):
            await self._fill(self._table)  # first, for what was saved from a damaged journal the table may know better
        while await self._publish(self._table):
            pass
        self.filled.set()

    async def _publish(self, table: ImagesTable) -> bool:
        rows = await self._journal.do(_unpublished)
        if rows:
            await table.publish([_as_published(row) for row in rows])
            await self._journal.do(partial(_published, versions=[(row[11], row[0], row[11]) for row in rows]))
            with_bytes = [row[0] for row in rows if row[3] == "data"]
            unneeded = (
                await self._journal.do(partial(job_endings.done_with, event_ids=with_bytes)) if with_bytes else []
            )
            await asyncio.to_thread(self._forget, unneeded)
        return len(rows) == ROWS_AT_ONCE

    def _forget(self, event_ids: Collection[str]) -> None:
        for event_id in event_ids:
            self._spool.remove(event_id)

    async def _fill(self, table: ImagesTable) -> None:
        filled = await self._journal.do(partial(job_endings.meta, name="filled"))
        rebuilt = await self._journal.do(partial(job_endings.meta, name="rebuilt"))
        crashed = await self._journal.do(partial(job_endings.meta, name="crashed"))
        doubted, after = self._clock.now() - DOUBTED, NOBODY
        while page := await table.after(after, doubted if filled else EPOCH, ROWS_AT_ONCE):
            await self._journal.do(partial(_take_in, rows=page))
            after = page[-1][0]
        if crashed or rebuilt:
            # what was acknowledged and neither readable nor published yet: the sink has stored the event all the same
            spooled = frozenset(await asyncio.to_thread(self._spool.names))
            since, found, after = EPOCH if rebuilt and not filled else doubted, 0, NOBODY
            while page := await table.forgotten(after, since, ROWS_AT_ONCE):
                found += await self._journal.do(partial(_take_in_events, rows=page, spooled=spooled))
                after = page[-1][0]
            if found:
                self._logger.warning("the journal of pictures had lost %d jobs, which stored events tell of", found)
        await self._journal.do(partial(job_endings.remark, name="filled", value="yes"))
        await self._journal.do(partial(job_endings.remark, name="crashed", value=""))


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, or so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _unpublished(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return db.execute(
        "SELECT event_id, image_id, user_id, source_kind, source, created_at, jobs.state, reason, attempts,"
        " iif(jobs.state = 'stored', jobs.store, ''), iif(jobs.state = 'stored', jobs.sha256, ''), updated_at,"
        " iif(jobs.state = 'stored', key, ''), iif(jobs.state = 'stored', media_type, ''),"
        " iif(jobs.state = 'stored', blobs.bytes, 0), iif(jobs.state = 'stored', width, 0),"
        " iif(jobs.state = 'stored', height, 0)"
        " FROM jobs INDEXED BY jobs_unpublished LEFT JOIN blobs ON blobs.store = jobs.store AND blobs.sha256 = jobs.sha256"
        " WHERE published_at < updated_at ORDER BY updated_at LIMIT ?",
        [ROWS_AT_ONCE],
    ).fetchall()


def _as_published(row: Sequence[Any]) -> list[Any]:
    values = list(row)
    values[5], values[11] = moment(values[5]), moment(values[11])
    values[6] = "pending" if values[6] == "uploading" else values[6]
    values[8] = min(values[8], 255)
    return ["" if value is None else value for value in values[:14]] + [value or 0 for value in values[14:]]


def _published(db: sqlite3.Connection, versions: Sequence[tuple[int, str, int]]) -> None:
    # a change that came meanwhile has a higher version, and is news still
    db.executemany("UPDATE jobs SET published_at = ? WHERE event_id = ? AND updated_at >= ?", versions)


def _take_in(db: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Rows of the table: what the journal does not know, or knows an older state of."""
    for row in rows:
        job = Job(row[0], row[1], row[2], row[3], row[4], row[5].astimezone(UTC), row[8])
        state, version = row[6], ms(row[11])
        sha256, store = (row[10], row[9]) if state == "stored" else ("", "")
        db.execute(
            "INSERT INTO jobs (event_id, image_id, user_id, source_kind, source, created_at, state, reason, attempts, next_try,"
            " store, sha256, updated_at, published_at, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (event_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, store = excluded.store,"
            " attempts = excluded.attempts, sha256 = excluded.sha256, updated_at = excluded.updated_at,"
            " published_at = excluded.published_at, owner = '' WHERE excluded.updated_at >= jobs.updated_at",
            [job.event_id, job.image_id, job.user_id, job.source_kind, job.source, ms(job.created_at), state, row[7],
             job.attempts, ms(job.created_at), store, sha256, version, version, job_crc(job)],
        )  # fmt: skip
        if state == "stored":
            blob = Blob(store, sha256, row[12], row[13], int(row[14]), int(row[15]), int(row[16]))
            db.execute(
                f"INSERT INTO blobs ({', '.join(BLOB_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, 'stored', '', ?)"  # noqa: S608
                " ON CONFLICT DO UPDATE SET state = 'stored', owner = '' WHERE blobs.key = excluded.key",
                [
                    blob.store,
                    blob.sha256,
                    blob.key,
                    blob.media_type,
                    blob.bytes,
                    blob.width,
                    blob.height,
                    blob_crc(blob),
                ],
            )


def _take_in_events(db: sqlite3.Connection, rows: Sequence[Sequence[Any]], spooled: Collection[str]) -> int:
    jobs = []
    for event_id, image_id, user_id, file_id, url, received_at in rows:
        kind, source = ("data", "") if event_id in spooled else ("file_id", file_id) if file_id else ("url", url)
        # without any: its bytes were never kept, nor the event acknowledged, and will come again
        if source or kind == "data":
            received: datetime = received_at.astimezone(UTC)
            jobs.append((Job(event_id, image_id, user_id, kind, source, received), 0))
    return len(jobs) - len(job_rows.add(db, jobs))
