"""How a job's turn ends in the journal, and what an operator asks of it: try again, erase, count."""

import json
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from sidecar.errors import Retryable
from sidecar.plugins.images.queue.job_rows import Claim, crc, drop_unwanted, job_crc, known, ms
from sidecar.plugins.images.queue.jobs import Job

LONGEST_REASON = 500
GIVEN_UP = "given up after"  # in the reason of what failed and may succeed when an operator has it tried again
_DONE_WITH = f"(state IN ('stored', 'erased') OR (state = 'failed' AND instr(reason, '({GIVEN_UP} ') = 0))"


def end(
    db: sqlite3.Connection, claim: Claim, state: str, now: int, *, reason: str = "", sha256: str = "", store: str = ""
) -> bool:
    """Write a job as `stored` or `failed`; whether it is: one that was erased meanwhile stays erased. Raises Retryable.

    The row is written anew when a corruption took it while the job was worked on.
    """
    job = claim.job
    if state == "stored":
        held = db.execute("SELECT state FROM blobs WHERE store = ? AND sha256 = ?", [store, sha256]).fetchone()
        if held != ("stored",) and known(db, [job.event_id]).get(job.event_id) != "erased":
            raise Retryable("the picture was erased for another event just now")
    db.execute(
        "INSERT INTO jobs (event_id, image_id, user_id, source_kind, source, created_at, state, reason, attempts, next_try,"
        " store, sha256, updated_at, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?) ON CONFLICT (event_id) DO UPDATE SET"
        " state = excluded.state, reason = excluded.reason, attempts = excluded.attempts, store = excluded.store,"
        " sha256 = excluded.sha256, owner = '', updated_at = max(excluded.updated_at, jobs.updated_at + 1)"
        " WHERE jobs.state != 'erased'",
        [job.event_id, job.image_id, job.user_id, job.source_kind, job.source, ms(job.created_at), state,
         reason[:LONGEST_REASON], job.attempts + 1, store, sha256, now, job_crc(job)],
    )  # fmt: skip
    if sha256 or claim.sha256:
        for name in db.execute("SELECT DISTINCT store FROM blobs WHERE sha256 = ? AND state != 'uploading'",
                               [sha256 or claim.sha256]).fetchall():  # fmt: skip
            drop_unwanted(db, name[0], sha256 or claim.sha256)
    kept = db.execute("SELECT state FROM jobs WHERE event_id = ?", [job.event_id]).fetchone()
    return bool(kept[0] == state)


def later(db: sqlite3.Connection, job: Job, next_try: int, reason: str) -> None:
    """One more attempt is behind a job, the next may begin at `next_try`. An upload without an outcome stays noted."""
    db.execute(
        "UPDATE jobs SET owner = '', attempts = ?, next_try = ?, reason = ?, updated_at = updated_at + 1"
        " WHERE event_id = ? AND state IN ('pending', 'uploading')",
        [job.attempts + 1, next_try, reason[:LONGEST_REASON], job.event_id],
    )


def release(db: sqlite3.Connection, job: Job) -> None:
    """Give a job back as if it had not been taken."""
    db.execute("UPDATE jobs SET owner = '' WHERE event_id = ?", [job.event_id])


def release_all(db: sqlite3.Connection, owner: str) -> int:
    """Give back everything a process had leased; how many jobs those were."""
    db.execute("UPDATE blobs SET owner = '' WHERE owner = ?", [owner])
    return db.execute("UPDATE jobs SET owner = '' WHERE owner = ?", [owner]).rowcount


def owners(db: sqlite3.Connection) -> set[str]:
    """Every process that has leased something."""
    rows = db.execute("SELECT DISTINCT owner FROM jobs INDEXED BY jobs_leased WHERE owner != ''").fetchall()
    return {row[0] for row in (*rows, *db.execute("SELECT DISTINCT owner FROM blobs WHERE owner != ''").fetchall())}


def done_with(db: sqlite3.Connection, event_ids: Collection[str]) -> list[str]:
    """Those of these events whose bytes nobody needs any more: there is no job, or it has ended for good and ClickHouse knows.

    Until that knows, a damaged journal may have forgotten the ending, and the bytes are all there is.
    """
    rows = db.execute(
        "SELECT value FROM json_each(?) LEFT JOIN jobs ON event_id = value"  # noqa: S608 (a text of this module)
        f" WHERE state IS NULL OR ({_DONE_WITH} AND published_at >= updated_at)",
        [json.dumps(list(event_ids))],
    )
    return [row[0] for row in rows.fetchall()]


def reopen(db: sqlite3.Connection, now: int, reason: str = "") -> list[str]:
    """Put failed jobs, all or those whose reason holds a text, back to pending; their events."""
    rows = db.execute(
        "UPDATE jobs SET state = 'pending', reason = '', attempts = 0, next_try = ?, owner = '', sha256 = '',"
        " updated_at = max(?, updated_at + 1) WHERE state = 'failed' AND (? = '' OR instr(reason, ?) > 0)"
        " RETURNING event_id",
        [now, now, reason, reason],
    )
    return [row[0] for row in rows.fetchall()]


def erase(db: sqlite3.Connection, now: int, *, user_id: str = "", event_id: str = "") -> list[str]:
    """Mark the pictures of a person or an event as erased, and those nobody else refers to as `deleting`; their events.

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
            [crc(event, image_id, user, kind, "", created_at), now, event],
        )
        if sha256:
            drop_unwanted(db, store, sha256)
    return [row[0] for row in rows]


@dataclass(frozen=True, slots=True)
class Figures:
    """How the queue stands: jobs by state, failures by reason, when the oldest waiting job came (ms), bytes kept."""

    states: dict[str, int]
    failures: dict[str, int]
    oldest: int | None
    bytes: int
    unpublished: int
    paused: str


def figures(db: sqlite3.Connection) -> Figures:
    """Count everything: for a person who asks, not for every second."""
    states = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
    failures = dict(
        db.execute(
            "SELECT reason, count(*) FROM jobs WHERE state = 'failed' GROUP BY reason ORDER BY 2 DESC"
        ).fetchall()
    )
    oldest = db.execute("SELECT min(created_at) FROM jobs WHERE state IN ('pending', 'uploading')").fetchone()[0]
    kept = db.execute("SELECT coalesce(sum(bytes), 0) FROM blobs WHERE state = 'stored'").fetchone()[0]
    waiting = db.execute("SELECT count(*) FROM jobs WHERE published_at < updated_at").fetchone()[0]
    return Figures(states, failures, oldest, kept, waiting, meta(db, "paused"))


def meta(db: sqlite3.Connection, name: str) -> str:
    """A remark of the journal, "" when there is none."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
    return "" if row is None else str(row[0])


def remark(db: sqlite3.Connection, name: str, value: str) -> None:
    """Write a remark down."""
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])


def sure(db: sqlite3.Connection) -> bool:
    """Whether the journal knows all that there is to know: it was filled from the table, and not left open since."""
    return meta(db, "filled") == "yes" and not meta(db, "crashed")


def waiting(db: sqlite3.Connection) -> tuple[int, int | None]:
    """How many jobs have not ended, and when the oldest of them came (ms)."""
    jobs = db.execute("SELECT jobs FROM totals").fetchone()[0]
    oldest = db.execute(
        "SELECT min(created_at) FROM jobs INDEXED BY jobs_open WHERE state IN ('pending', 'uploading')"
    ).fetchone()[0]
    return int(jobs), oldest
