"""What the journal holds, in SQL: a row for each job and for each picture, and the steps that change them.

Every function runs inside a transaction of the writer's, so each step happens whole or not at all. `updated_at` rises with every
change and is the version under which a row is published. A picture (`blobs`) is there once for each store and SHA-256;
jobs refer to it. Times are Unix milliseconds.
"""

import json
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sidecar.errors import Retryable
from sidecar.plugins.images.queue.jobs import Job
from sidecar.plugins.images.queue.schema import BLOB_COLUMNS

FARTHEST_MS = 2 * 3600 * 1000  # no wait is this long: a time further off was written before the clock was set back


@dataclass(frozen=True, slots=True)
class Claim:
    """A job leased to this process. `sha256` names the picture whose upload was begun and not recorded, if any."""

    job: Job
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Blob:
    """A picture at a store: `uploading` (the key is noted, the outcome not), `stored` or `deleting`."""

    store: str
    sha256: str
    key: str
    media_type: str
    bytes: int
    width: int
    height: int
    state: str = "uploading"
    owner: str = ""


class CorruptRow(sqlite3.DatabaseError):
    """A row's lasting columns are not what was written."""


def ms(moment: datetime) -> int:
    """A time as the journal writes it."""
    return int(moment.timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """A time of the journal, aware, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def crc(*values: object) -> int:
    """Checksum of the columns of a row that never change."""
    return zlib.crc32("\x1f".join(map(str, values)).encode("utf-8", "surrogatepass"))


def job_crc(job: Job) -> int:
    """Checksum of a job."""
    return crc(job.event_id, job.image_id, job.user_id, job.source_kind, job.source, ms(job.created_at))


def blob_crc(blob: Blob) -> int:
    """Checksum of a picture's row."""
    return crc(blob.store, blob.sha256, blob.key, blob.media_type, blob.bytes, blob.width, blob.height)


def known(db: sqlite3.Connection, event_ids: Collection[str]) -> dict[str, str]:
    """States of those of these events that have a job."""
    rows = db.execute(
        "SELECT event_id, state FROM jobs WHERE event_id IN (SELECT value FROM json_each(?))",
        [json.dumps(list(event_ids))],
    )
    return dict(rows.fetchall())


def has_room(db: sqlite3.Connection, max_jobs: int, max_bytes: int) -> None:
    """Raise Retryable when as many jobs, or spooled bytes, wait as may. A batch goes in whole, so the last may overshoot."""
    jobs, size = db.execute("SELECT jobs, bytes FROM totals").fetchone()
    if jobs >= max_jobs:
        raise Retryable(f"{jobs} pictures wait already (CHATTRAIL_SIDECAR_IMAGES_MAX_PENDING)", after=10)
    if size >= max_bytes:
        raise Retryable(
            f"pictures of {size} bytes wait in the spool already (CHATTRAIL_SIDECAR_IMAGES_SPOOL_BYTES)", after=10
        )


def add(db: sqlite3.Connection, jobs: Iterable[tuple[Job, int]]) -> dict[str, str]:
    """Write new jobs with the size of their spooled bytes; returns the states of those that were there before."""
    jobs = list(jobs)
    before = known(db, [job.event_id for job, _ in jobs])
    db.executemany(
        "INSERT OR IGNORE INTO jobs (event_id, image_id, user_id, source_kind, source, created_at, state, attempts,"
        " next_try, spooled, updated_at, crc) VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?, 0, ?)",
        [
            (job.event_id, job.image_id, job.user_id, job.source_kind, job.source, ms(job.created_at),
             ms(job.created_at), size, job_crc(job)) for job, size in jobs
        ],
    )  # fmt: skip
    return before


def claim(db: sqlite3.Connection, owner: str, limit: int, now: int) -> list[Claim]:
    """Lease the jobs that are due longest. Raises CorruptRow when one is not what was written."""
    rows = db.execute(
        "UPDATE jobs SET owner = ? WHERE rowid IN (SELECT rowid FROM jobs INDEXED BY jobs_due WHERE owner = ''"
        " AND state IN ('pending', 'uploading') AND (next_try <= ? OR next_try > ?) ORDER BY next_try LIMIT ?) RETURNING event_id,"
        " image_id, user_id, source_kind, source, created_at, attempts, sha256, crc",
        [owner, now, now + FARTHEST_MS, limit],
    ).fetchall()
    found = []
    for event_id, image_id, user_id, kind, source, created_at, attempts, sha256, checksum in rows:
        job = Job(event_id, image_id, user_id, kind, source, moment(created_at), attempts)
        if job_crc(job) != checksum:
            raise CorruptRow("a job is not what was written")
        found.append(Claim(job, sha256))
    return sorted(found, key=lambda one: one.job.created_at)


def next_due(db: sqlite3.Connection) -> int | None:
    """When the next free job may be tried."""
    row = db.execute(
        "SELECT min(next_try) FROM jobs INDEXED BY jobs_due WHERE owner = '' AND state IN ('pending', 'uploading')"
    ).fetchone()
    return None if row[0] is None else int(row[0])


def note(db: sqlite3.Connection, claim: Claim, blob: Blob) -> None:
    """Write down under which key a picture is about to be kept."""
    db.execute(
        f"INSERT OR REPLACE INTO blobs ({', '.join(BLOB_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [blob.store, blob.sha256, blob.key, blob.media_type, blob.bytes, blob.width, blob.height, blob.state, blob.owner,
         blob_crc(blob)],
    )  # fmt: skip
    db.execute(
        "UPDATE jobs SET state = 'uploading', store = ?, sha256 = ? WHERE event_id = ? AND state IN ('pending', 'uploading')",
        [blob.store, blob.sha256, claim.job.event_id],
    )


def blob_of(db: sqlite3.Connection, store: str, sha256: str) -> Blob | None:
    """A picture at a store. Raises CorruptRow when its row is not what was written."""
    row = db.execute(
        f"SELECT {', '.join(BLOB_COLUMNS)} FROM blobs WHERE store = ? AND sha256 = ?",  # noqa: S608
        [store, sha256],
    ).fetchone()
    return None if row is None else _blob(row)


def taken(db: sqlite3.Connection, store: str, sha256: str, owner: str, alive: Callable[[str], bool]) -> Blob | None:
    """A picture at a store; one that is not settled belongs to `owner` from then on. Raises Retryable, CorruptRow."""
    blob = blob_of(db, store, sha256)
    if blob is None or blob.state == "stored":
        return blob
    if blob.owner not in ("", owner) and alive(blob.owner):
        raise Retryable("another process has the same picture in its hands", after=1)
    db.execute("UPDATE blobs SET owner = ? WHERE store = ? AND sha256 = ?", [owner, store, sha256])
    return blob


def unsettled(db: sqlite3.Connection, store: str) -> list[Blob]:
    """Pictures whose upload or removal was begun and not recorded as done."""
    rows = db.execute(
        f"SELECT {', '.join(BLOB_COLUMNS)} FROM blobs INDEXED BY blobs_unsettled WHERE store = ? AND state != 'stored'",  # noqa: S608
        [store],
    )
    return [_blob(row) for row in rows.fetchall()]


def _blob(row: Sequence[Any]) -> Blob:
    blob = Blob(*row[:-1])
    if blob_crc(blob) != row[-1]:
        raise CorruptRow("a picture's row is not what was written")
    return blob


def settled(db: sqlite3.Connection, store: str, sha256: str, there: bool, now: int) -> bool:
    """Record what became of a noted key. True: the picture is stored, and so are the jobs that were uploading it.

    False: nothing is there, and those jobs are pending; or nobody wants it any more, and it is `deleting`.
    """
    mine = [store, sha256]
    if not there:
        db.execute("DELETE FROM blobs WHERE store = ? AND sha256 = ?", mine)
        db.execute("UPDATE jobs SET state = 'pending', sha256 = '' WHERE store = ? AND sha256 = ? AND state = 'uploading'",
                   mine)  # fmt: skip
        return False
    db.execute(
        "UPDATE blobs SET state = 'stored', owner = '' WHERE store = ? AND sha256 = ? AND state != 'deleting'", mine
    )
    db.execute(
        "UPDATE jobs SET state = 'stored', reason = '', owner = '', attempts = attempts + 1,"
        " updated_at = max(?, updated_at + 1) WHERE store = ? AND sha256 = ? AND state = 'uploading'",
        [now, *mine],
    )
    return not drop_unwanted(db, store, sha256)


def drop_unwanted(db: sqlite3.Connection, store: str, sha256: str) -> bool:
    """Mark a stored picture that no job refers to as `deleting`; whether it is. One on its way there is settled first."""
    db.execute(
        "UPDATE blobs SET state = 'deleting', owner = ''"
        " WHERE store = ? AND sha256 = ? AND state = 'stored' AND NOT EXISTS (SELECT 1 FROM jobs"
        " WHERE jobs.store = blobs.store AND jobs.sha256 = blobs.sha256 AND jobs.state IN ('uploading', 'stored'))",
        [store, sha256],
    )
    row = db.execute("SELECT state FROM blobs WHERE store = ? AND sha256 = ?", [store, sha256]).fetchone()
    return row is not None and row[0] == "deleting"
