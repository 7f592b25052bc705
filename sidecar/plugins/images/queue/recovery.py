"""A damaged journal: noticed, set aside under a name that says so, and what can be read of it saved into a new one."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sidecar.errors import StartError
from sidecar.plugins.images.queue.jobs import crc
from sidecar.plugins.images.queue.schema import BLOB_COLUMNS, JOB_COLUMNS, SCHEMA, inserting

ASIDE = ".corrupt-"
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL,
    }
)  # fmt: skip
_LASTING = {"jobs": 6, "blobs": 7}  # columns that never change, the first of each table: the checksum is of these


class CorruptRowError(sqlite3.DatabaseError):
    """A row's lasting columns are not what was written."""


def connect(path: Path, *, timeout_s: float = 10.0) -> sqlite3.Connection:
    """Open a journal for use, making it when there is none. Raises sqlite3.Error."""
    db = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        db.text_factory = _text
        _switch_to_wal(db, timeout_s)
        db.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns: it is what an ack stands on
        if not _layout().keys() <= _layout_of(db).keys():
            _make_tables(db)
    except BaseException:
        db.close()
        raise
    return db


@cache
def _layout() -> dict[str, str]:
    """What each table, index and trigger of a journal is made by, in SQLite's own words."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        return _layout_of(db)


def _layout_of(db: sqlite3.Connection) -> dict[str, str]:
    rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in rows}


def _make_tables(db: sqlite3.Connection) -> None:
    try:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        db.rollback()  # there are other tables of these names: `fault_of` says so


def _check_layout(db: sqlite3.Connection) -> None:
    """Refuse other tables: every step would fail on them, for ever, behind a sidecar that looks well."""
    found = _layout_of(db)
    if other := sorted(name for name, sql in _layout().items() if found.get(name) != sql):
        path = db.execute("PRAGMA database_list").fetchone()[2]
        raise StartError(
            f"the image journal {path} is of another release (it differs in {', '.join(other)}): start the release that made it,"
            " or move the file away, and a new one is filled from ClickHouse, without images that only this file knows"
        )


def _switch_to_wal(db: sqlite3.Connection, timeout_s: float) -> None:
    """Wait for other connections, as SQLite does not for this switch (findings/sqlite-wal-switch-ignores-busy-timeout.sh)."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")  # damaged text must be readable, for its checksum to show it


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is broken, rather than that the disk is full or another process writes."""
    return isinstance(error, CorruptRowError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE


def fault_of(db: sqlite3.Connection) -> str:
    """What is wrong with a journal, "" when nothing is: its pages, its indexes, and the rows of jobs not done yet.

    Raises sqlite3.DatabaseError when it cannot be read just now, which is no damage: another process holds it, say. Raises
    StartError for the journal of another release.
    """
    try:
        (said,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        if said != "ok":
            return str(said).splitlines()[-1][:200]
        _check_layout(db)
        jobs = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs WHERE state IN ('pending', 'uploading')"
        if not all(_is_whole("jobs", row) for row in db.execute(jobs)):
            return "the row of a job is not what was written"
        if not all(_is_whole("blobs", row) for row in db.execute(f"SELECT {', '.join(BLOB_COLUMNS)} FROM blobs")):
            return "the row of an image is not what was written"
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in PASSING:
            raise
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

    No checksum covers what changes. So a stored job needs its image's row, and only the leases of `owner` hold.
    """
    try:
        old = sqlite3.connect(f"file:{aside}?mode=ro", uri=True)
    except sqlite3.Error:
        return 0
    with contextlib.closing(old):
        old.text_factory = _text
        db.execute("BEGIN IMMEDIATE")
        for table, columns in (("jobs", JOB_COLUMNS), ("blobs", BLOB_COLUMNS)):
            for row in _readable(old, table, columns):
                # a state that makes no sense breaks a CHECK: such a row is left out
                with contextlib.suppress(sqlite3.IntegrityError):
                    if _is_whole(table, row):
                        db.execute(f"INSERT OR IGNORE {inserting(table, columns)}", row)
        db.execute("UPDATE jobs SET published_at = -1")
        db.execute(
            "DELETE FROM jobs WHERE state = 'stored' AND NOT EXISTS (SELECT 1 FROM blobs"
            " WHERE blobs.store = jobs.store AND blobs.sha256 = jobs.sha256 AND blobs.state = 'stored')"
        )
        for table in ("jobs", "blobs"):
            db.execute(f"UPDATE {table} SET owner = '' WHERE owner != ?", [owner])
        saved = db.execute("SELECT count(*) FROM jobs").fetchone()[0]
        db.execute("COMMIT")
    return int(saved)


def _readable(old: sqlite3.Connection, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Rows up to the damage from the front, and up to it from the back."""
    for direction in ("ASC", "DESC"):
        try:
            cursor = old.execute(f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED ORDER BY rowid {direction}")
            while (row := cursor.fetchone()) is not None:
                yield row
            return
        except sqlite3.DatabaseError:
            continue


def _is_whole(table: str, row: Sequence[Any]) -> bool:
    return bool(crc(row[: _LASTING[table]]) == row[-1])
