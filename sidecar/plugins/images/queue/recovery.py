"""A damaged journal: noticed, set aside under a name that says so, and what can be read of it saved into a new one."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sidecar.plugins.images.queue.job_rows import CorruptRow, crc
from sidecar.plugins.images.queue.schema import BLOB_COLUMNS, JOB_COLUMNS, SCHEMA

ASIDE = ".corrupt-"
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def connect(path: Path, *, timeout_s: float = 10.0) -> sqlite3.Connection:
    """Open a journal for use, making it when there is none. Raises sqlite3.Error."""
    db = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        db.text_factory = _text
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns: it is what an ack stands on
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'job_reopened'").fetchone() is None:
            db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
    except BaseException:
        db.close()
        raise
    return db


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")  # what is damaged must be read to be told from its checksum


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is broken, rather than that the disk is full or somebody else writes."""
    return isinstance(error, CorruptRow) or getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE


def fault_of(db: sqlite3.Connection) -> str:
    """What is wrong with a journal, "" when nothing is: its pages, its indexes, and the rows of jobs not done yet."""
    try:
        (said,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            return str(said).splitlines()[-1][:200]
        for row in db.execute(f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs WHERE state IN ('pending', 'uploading')"):  # noqa: S608
            if not _whole_job(row):
                return "the row of a job is not what was written"
        for row in db.execute(f"SELECT {', '.join(BLOB_COLUMNS)} FROM blobs"):  # noqa: S608
            if not _whole_blob(row):
                return "the row of a picture is not what was written"
    except sqlite3.DatabaseError as error:
        return str(error)[:200]
    return ""


def was_left_open(path: Path) -> bool:
    """Whether the last process to use a journal was killed: one that closes it takes the WAL into the file.

    What the end of a WAL held may be missing then, and SQLite takes a damaged frame for the end.
    """
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a journal with what belongs to it, so that a new one can take its place."""
    aside = path.with_name(f"{path.name}{ASIDE}{now:%Y%m%dT%H%M%S.%fZ}")
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)  # says nothing that is not in the other two
    for suffix in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def save_rows(aside: Path, db: sqlite3.Connection, owner: str) -> int:
    """Copy every whole row that can still be read; how many jobs those are. All of them are published anew.

    No checksum covers what changes. So a stored job needs its picture's row, and only the leases of `owner` are believed.
    """
    try:
        old = sqlite3.connect(f"file:{aside}?mode=ro", uri=True)
    except sqlite3.Error:
        return 0
    with contextlib.closing(old):
        old.text_factory = _text
        db.execute("BEGIN IMMEDIATE")
        jobs = [(*row[:-2], -1, row[-1]) for row in _readable(old, "jobs", JOB_COLUMNS) if _whole_job(row)]
        _insert(db, "jobs", JOB_COLUMNS, jobs)
        blobs = [row for row in _readable(old, "blobs", BLOB_COLUMNS) if _whole_blob(row)]
        _insert(db, "blobs", BLOB_COLUMNS, blobs)
        db.execute(
            "DELETE FROM jobs WHERE state = 'stored' AND NOT EXISTS (SELECT 1 FROM blobs"
            " WHERE blobs.store = jobs.store AND blobs.sha256 = jobs.sha256 AND blobs.state = 'stored')"
        )
        for table in ("jobs", "blobs"):
            db.execute(f"UPDATE {table} SET owner = '' WHERE owner != ?", [owner])  # noqa: S608 (names of this module)
        saved = db.execute("SELECT count(*) FROM jobs").fetchone()[0]
        db.execute("COMMIT")
    return int(saved)


def _insert(db: sqlite3.Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    for row in rows:
        # a state that makes no sense breaks a CHECK: such a row is left out
        with contextlib.suppress(sqlite3.IntegrityError):
            db.execute(
                f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608 (names of this module)
                row,
            )


def _readable(old: sqlite3.Connection, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows up to the damage from the front, and up to it from the back."""
    for direction in ("ASC", "DESC"):
        try:
            cursor = old.execute(f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED ORDER BY rowid {direction}")  # noqa: S608
            while (row := cursor.fetchone()) is not None:
                yield row
            return
        except sqlite3.DatabaseError:
            continue


def _whole_job(row: Sequence[Any]) -> bool:
    return bool(crc(*row[:6]) == row[-1])


def _whole_blob(row: Sequence[Any]) -> bool:
    return bool(crc(*row[:7]) == row[-1])
