"""The sign-in database: one SQLite file that all workers share, so limits and single use hold across processes.

It keeps hashes of session ids and link tokens, never the values themselves. A connection is made per question: they are
rare and small, and nothing can leak across a fork or between threads. The journal is SQLite's own rollback journal: to turn
a new file to WAL is a race (findings/sqlite-wal-switch-ignores-busy-timeout.sh).
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (id_hash TEXT PRIMARY KEY, credential TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS login_links (token_hash TEXT PRIMARY KEY, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS login_attempts (address TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS login_attempts_at ON login_attempts (at);
"""
BUSY_S = 5.0


class AuthDatabase:
    """Opens the file, makes its folder and tables when they are missing, and clears what is past."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self.clock = clock
        self._ready = False

    def row(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of one look-up."""
        with closing(self._connect()) as connection:
            found: tuple[Any, ...] | None = connection.execute(statement, values).fetchone()
            return found

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its start: what it reads cannot change before it commits."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        if not self._ready:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        if not self._ready:
            try:
                self._path.chmod(0o600)
                connection.executescript(SCHEMA)
                past = (self.clock(),)
                connection.execute("DELETE FROM sessions WHERE expires_at <= ?", past)
                connection.execute("DELETE FROM login_links WHERE expires_at <= ?", past)
            except BaseException:
                connection.close()
                raise
            self._ready = True
        return connection
