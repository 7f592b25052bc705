"""The jobs and images that the journal holds: every method is one transaction, and durable when it is awaited.

`updated_at` of a job rises with every change and is the version of its published row. Times are Unix milliseconds.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sidecar.errors import RetryableError
from sidecar.plugins.images.queue.blob_store import BlobStore, drop_unwanted
from sidecar.plugins.images.queue.jobs import Blob, Job, crc
from sidecar.plugins.images.queue.journal import DB, step
from sidecar.plugins.images.queue.recovery import CorruptRowError
from sidecar.plugins.images.queue.schema import BLOB_COLUMNS, JOB_COLUMNS, OPEN, inserting

LONGEST_WAIT_MS = 2 * 3600 * 1000  # a time further off was written before the clock was set back
LONGEST_REASON = 500
ROWS_AT_ONCE = 2000
GIVEN_UP = "given up after"  # in the reason of what failed and may succeed when an operator has it tried again
_DONE = f"(state IN ('stored', 'erased') OR (state = 'failed' AND instr(reason, '({GIVEN_UP} ') = 0))"
_NEW_JOB = (*JOB_COLUMNS[:6], "crc", "state", "attempts", "next_try")


class JobStore(BlobStore):
    """Steps on the table of jobs, from the event to the stored image, and what an operator asks of them."""

    @step
    def states(self, db: DB, event_ids: Collection[str]) -> dict[str, str]:
        """Return the states of those of these events that have a job."""
        return _states(db, event_ids)

    @step
    def check_room(self, db: DB, max_jobs: int, max_bytes: int) -> None:
        """Raise RetryableError when as many jobs, or spooled bytes, wait as may. A batch goes in whole: the last may overshoot."""
        jobs, size = db.execute("SELECT jobs, bytes FROM totals").fetchone()
        if jobs >= max_jobs:
            raise RetryableError(f"{jobs} images wait already (CHATTRAIL_SIDECAR_IMAGES_MAX_PENDING)", after=10)
        if size >= max_bytes:
            full = f"images of {size} bytes wait in the spool already (CHATTRAIL_SIDECAR_IMAGES_SPOOL_BYTES)"
            raise RetryableError(full, after=10)

    @step
    def add(self, db: DB, jobs: Iterable[tuple[Job, int]]) -> dict[str, str]:
        """Write new jobs with the size of their spooled bytes; return the states of those that were there before."""
        new = list(jobs)
        before = _states(db, [job.event_id for job, _ in new])
        db.executemany(
            f"INSERT OR IGNORE {inserting('jobs', (*_NEW_JOB, 'spooled', 'updated_at'))}",
            [(*_new_job(job, "pending", 0, job.created_at), size, 0) for job, size in new],
        )
        return before

    @step
    def claim(self, db: DB, limit: int) -> list[Job]:
        """Lease the jobs that are due longest."""
        now = self._now
        rows = db.execute(
            "UPDATE jobs SET owner = ? WHERE rowid IN (SELECT rowid FROM jobs INDEXED BY jobs_due WHERE owner = ''"
            f" AND {OPEN} AND (next_try <= ? OR next_try > ?) ORDER BY next_try LIMIT ?) RETURNING event_id,"
            " image_id, user_id, source_kind, source, created_at, attempts, sha256, crc",
            [self.owner, now, now + LONGEST_WAIT_MS, limit],
        ).fetchall()
        if any(crc(row[:6]) != row[-1] for row in rows):
            raise CorruptRowError("a job is not what was written")
        return sorted((Job(*row[:-1]) for row in rows), key=lambda job: job.created_at)

    @step
    def next_due(self, db: DB) -> int | None:
        """Return when the next free job may be tried."""
        due: int | None = db.execute(
            f"SELECT min(next_try) FROM jobs INDEXED BY jobs_due WHERE owner = '' AND {OPEN}"
        ).fetchone()[0]
        return due

    @step
    def end(self, db: DB, job: Job, *, reason: str = "", sha256: str = "", store: str = "") -> bool:
        """Record a job as stored, or as failed with a reason; return whether it is: one erased meanwhile stays erased.

        The row is written anew when a corruption took it while the job was worked on. Raises RetryableError.
        """
        state = "stored" if sha256 else "failed"
        if sha256:
            blob = db.execute("SELECT state FROM blobs WHERE store = ? AND sha256 = ?", [store, sha256]).fetchone()
            if blob != ("stored",) and _states(db, [job.event_id]).get(job.event_id) != "erased":
                raise RetryableError("the image was erased for another event just now")
        db.execute(
            f"INSERT {inserting('jobs', (*_NEW_JOB, 'reason', 'store', 'sha256', 'updated_at'))}"
            " ON CONFLICT (event_id) DO UPDATE SET state = excluded.state, reason = excluded.reason,"
            " attempts = excluded.attempts, store = excluded.store, sha256 = excluded.sha256, owner = '',"
            " updated_at = max(excluded.updated_at, jobs.updated_at + 1) WHERE jobs.state != 'erased'",
            (*_new_job(job, state, job.attempts + 1, 0), reason[:LONGEST_REASON], store, sha256, self._now),
        )
        wanted = sha256 or job.sha256
        stores = db.execute("SELECT DISTINCT store FROM blobs WHERE sha256 = ? AND state != 'uploading'", [wanted])
        for (name,) in stores.fetchall() if wanted else ():
            drop_unwanted(db, name, wanted)
        return _states(db, [job.event_id]) == {job.event_id: state}

    @step
    def retry_later(self, db: DB, job: Job, wait_s: float, reason: str) -> None:
        """Count an attempt of a job; the next may begin after a wait. An upload without an outcome stays noted."""
        db.execute(
            "UPDATE jobs SET owner = '', attempts = ?, next_try = ?, reason = ?, updated_at = updated_at + 1"
            f" WHERE event_id = ? AND {OPEN}",
            [job.attempts + 1, self._now + int(wait_s * 1000), reason[:LONGEST_REASON], job.event_id],
        )

    @step
    def release(self, db: DB, job: Job) -> None:
        """Give a job back as if it had not been taken."""
        db.execute("UPDATE jobs SET owner = '' WHERE event_id = ?", [job.event_id])

    @step
    def done(self, db: DB, event_ids: Collection[str]) -> list[str]:
        """Return those of these events whose bytes no job needs: there is none, or it has ended for good, as published.

        Until that is published, a damaged journal may have lost the ending, and the bytes are all there is.
        """
        rows = db.execute(
            "SELECT value FROM json_each(?) LEFT JOIN jobs ON event_id = value"
            f" WHERE state IS NULL OR ({_DONE} AND published_at >= updated_at)",
            [json.dumps(list(event_ids))],
        )
        return [row[0] for row in rows.fetchall()]

    @step
    def reopen(self, db: DB, reason: str = "") -> list[str]:
        """Put failed jobs, all or those whose reason holds a text, back to pending; return their events."""
        rows = db.execute(
            "UPDATE jobs SET state = 'pending', reason = '', attempts = 0, next_try = ?, owner = '', sha256 = '',"
            " updated_at = max(?, updated_at + 1) WHERE state = 'failed' AND (? = '' OR instr(reason, ?) > 0)"
            " RETURNING event_id",
            [self._now, self._now, reason, reason],
        )
        return [row[0] for row in rows.fetchall()]

    @step
    def erase(self, db: DB, *, user_id: str = "", event_id: str = "") -> list[str]:
        """Mark the images of a person or an event as erased, and those without another job as `deleting`; return the events.

        The row stays as a tombstone without its source, so that the event, sent again, brings nothing back.
        """
        if not user_id and not event_id:
            return []
        rows = db.execute(
            "SELECT event_id, image_id, user_id, source_kind, created_at, store, sha256 FROM jobs"
            " WHERE state != 'erased' AND (user_id = ? OR ? = '') AND (event_id = ? OR ? = '')",
            [user_id, user_id, event_id, event_id],
        ).fetchall()
        for event, image_id, user, kind, created_at, store, sha256 in rows:
            db.execute(
                "UPDATE jobs SET state = 'erased', reason = '', source = '', owner = '', sha256 = '', crc = ?,"
                " updated_at = max(?, updated_at + 1) WHERE event_id = ?",
                [crc((event, image_id, user, kind, "", created_at)), self._now, event],
            )
            drop_unwanted(db, store, sha256)
        return [row[0] for row in rows]

    @step
    def waiting(self, db: DB) -> tuple[int, int | None]:
        """Return how many jobs have not ended, and when the oldest of them came (ms)."""
        oldest = db.execute(f"SELECT min(created_at) FROM jobs INDEXED BY jobs_open WHERE {OPEN}").fetchone()[0]
        return db.execute("SELECT jobs FROM totals").fetchone()[0], oldest

    @step
    def unpublished(self, db: DB) -> list[tuple[Any, ...]]:
        """Return jobs whose row in the `images` table is out of date, as its rows of COLUMNS; ROWS_AT_ONCE at most."""
        rows = db.execute(
            "SELECT event_id, image_id, user_id, source_kind, source, created_at, replace(jobs.state, 'uploading', 'pending'),"
            " reason, min(attempts, 255), iif(jobs.state = 'stored', jobs.store, ''),"
            " iif(jobs.state = 'stored', jobs.sha256, ''), updated_at, coalesce(key, ''), coalesce(media_type, ''),"
            " coalesce(blobs.bytes, 0), coalesce(width, 0), coalesce(height, 0)"
            " FROM jobs INDEXED BY jobs_unpublished LEFT JOIN blobs"
            " ON jobs.state = 'stored' AND blobs.store = jobs.store AND blobs.sha256 = jobs.sha256"
            " WHERE published_at < updated_at ORDER BY updated_at LIMIT ?",
            [ROWS_AT_ONCE],
        )
        return rows.fetchall()

    @step
    def mark_published(self, db: DB, rows: Iterable[Sequence[Any]]) -> None:
        """Record which versions were published; a change that came meanwhile has a higher one, and is still to be."""
        versions = [(row[11], row[0], row[11]) for row in rows]
        db.executemany("UPDATE jobs SET published_at = ? WHERE event_id = ? AND updated_at >= ?", versions)

    @step
    def take_published(self, db: DB, rows: Iterable[Sequence[Any]]) -> None:
        """Take over rows of the `images` table: what the journal does not know, or knows an older state of."""
        for row in rows:
            job, state, version = Job._make((*row[:6], row[8], "")), row[6], row[11]
            store, sha256 = row[9:11] if state == "stored" else ("", "")
            db.execute(
                f"INSERT {inserting('jobs', (*_NEW_JOB, 'reason', 'store', 'sha256', 'updated_at', 'published_at'))}"
                " ON CONFLICT (event_id) DO UPDATE SET state = excluded.state, reason = excluded.reason, owner = '',"
                " store = excluded.store, attempts = excluded.attempts, sha256 = excluded.sha256,"
                " updated_at = excluded.updated_at, published_at = excluded.published_at"
                " WHERE excluded.updated_at >= jobs.updated_at",
                (*_new_job(job, state, job.attempts, job.created_at), row[7], store, sha256, version, version),
            )
            if state == "stored":
                blob = Blob(store, sha256, row[12], row[13], int(row[14]), int(row[15]), int(row[16]))
                db.execute(
                    f"INSERT {inserting('blobs', BLOB_COLUMNS)}"
                    " ON CONFLICT DO UPDATE SET state = 'stored', owner = '' WHERE blobs.key = excluded.key",
                    [*blob.lasting, "stored", "", crc(blob.lasting)],
                )


def _states(db: DB, event_ids: Collection[str]) -> dict[str, str]:
    sql = "SELECT event_id, state FROM jobs WHERE event_id IN (SELECT value FROM json_each(?))"
    return dict(db.execute(sql, [json.dumps(list(event_ids))]).fetchall())


def _new_job(job: Job, state: str, attempts: int, next_try: int) -> tuple[str | int, ...]:
    """Return the values of _NEW_JOB."""
    return (*job.lasting, crc(job.lasting), state, attempts, next_try)
