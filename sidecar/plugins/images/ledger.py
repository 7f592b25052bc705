"""What the journal holds, in SQL: a row for each job and for each picture, and the steps that change them.

Every function runs inside a transaction of the writer's, so each step happens whole or not at all. `updated_at` rises with every
change and is the version under which a row is published. A picture (`blobs`) is there once for each store and SHA-256;
jobs refer to it. Times are Unix milliseconds.
"""

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sidecar.errors import Retryable
from sidecar.plugins.images.jobs import Job

FARTHEST_MS = 2 * 3600 * 1000  # no wait is this long: a time further off was written before the clock was set back
JOB_COLUMNS = (
    "event_id", "image_id", "user_id", "source_kind", "source", "created_at", "state", "reason", "attempts", "next_try",
    "owner", "store", "sha256", "spooled", "updated_at", "published_at", "crc",
)  # fmt: skip
BLOB_COLUMNS = ("store", "sha256", "key", "media_type", "bytes", "width", "height", "state", "owner", "crc")

# integrity_check knows nothing of a byte that changed inside a text: that is what the crc of the lasting columns is for.
# The totals spare every batch a count of a million rows.
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    event_id TEXT PRIMARY KEY NOT NULL, image_id TEXT NOT NULL, user_id TEXT NOT NULL, source_kind TEXT NOT NULL,
    source TEXT NOT NULL, created_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'uploading', 'stored', 'failed', 'erased')),
    reason TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0, next_try INTEGER NOT NULL,
    owner TEXT NOT NULL DEFAULT '', store TEXT NOT NULL DEFAULT '', sha256 TEXT NOT NULL DEFAULT '',
    spooled INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL, published_at INTEGER NOT NULL DEFAULT -1,
    crc INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (next_try) WHERE owner = '' AND state IN ('pending', 'uploading');
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (created_at) WHERE state IN ('pending', 'uploading');
CREATE INDEX IF NOT EXISTS jobs_leased ON jobs (owner) WHERE owner != '';
CREATE INDEX IF NOT EXISTS jobs_unpublished ON jobs (updated_at) WHERE published_at < updated_at;
CREATE INDEX IF NOT EXISTS jobs_pictures ON jobs (sha256) WHERE sha256 != '';
CREATE TABLE IF NOT EXISTS blobs (
    store TEXT NOT NULL, sha256 TEXT NOT NULL, key TEXT NOT NULL, media_type TEXT NOT NULL, bytes INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('uploading', 'stored', 'deleting')), owner TEXT NOT NULL DEFAULT '',
    crc INTEGER NOT NULL, PRIMARY KEY (store, sha256));
CREATE INDEX IF NOT EXISTS blobs_unsettled ON blobs (store) WHERE state != 'stored';
CREATE TABLE IF NOT EXISTS totals (one INTEGER PRIMARY KEY CHECK (one = 1), jobs INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT OR IGNORE INTO totals VALUES (1, 0, 0);
CREATE TRIGGER IF NOT EXISTS job_added AFTER INSERT ON jobs WHEN NEW.state IN ('pending', 'uploading')
BEGIN UPDATE totals SET jobs = jobs + 1, bytes = bytes + NEW.spooled; END;
CREATE TRIGGER IF NOT EXISTS job_ended AFTER UPDATE OF state ON jobs
WHEN OLD.state IN ('pending', 'uploading') AND NEW.state NOT IN ('pending', 'uploading')
BEGIN UPDATE totals SET jobs = jobs - 1, bytes = bytes - NEW.spooled; END;
CREATE TRIGGER IF NOT EXISTS job_reopened AFTER UPDATE OF state ON jobs
WHEN OLD.state NOT IN ('pending', 'uploading') AND NEW.state IN ('pending', 'uploading')
BEGIN UPDATE totals SET jobs = jobs + 1, bytes = bytes + NEW.spooled; END;
"""


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
    """Mark a picture that no job refers to as `deleting`; whether it is."""
    db.execute(
        "UPDATE blobs SET state = 'deleting', owner = '' WHERE store = ? AND sha256 = ? AND NOT EXISTS (SELECT 1 FROM jobs"
        " WHERE jobs.store = blobs.store AND jobs.sha256 = blobs.sha256 AND jobs.state IN ('uploading', 'stored'))",
        [store, sha256],
    )
    row = db.execute("SELECT state FROM blobs WHERE store = ? AND sha256 = ?", [store, sha256]).fetchone()
    return row is not None and row[0] == "deleting"
