"""The journal: an SQLite file that one thread of this process writes, many steps in one durable commit.

Steps that wait while a commit is on its way to the disk go into the next one together, so a hundred acks cost one fsync.
Other processes (a second sidecar's replay, the command line) may use the file too: a lease bears the name of its process,
which holds a lock on a file of that name until it dies.
"""

import asyncio
import contextlib
import fcntl
import queue
import sqlite3
import threading
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, Concatenate, ParamSpec, TypeVar

from common.error_location import error_location
from sidecar.errors import RetryableError, StartError
from sidecar.plugin import Context
from sidecar.plugins.images.queue import recovery
from sidecar.telemetry import metrics as telemetry

P = ParamSpec("P")
T = TypeVar("T")
J = TypeVar("J", bound="Journal")
DB = sqlite3.Connection
Step = Callable[[DB], T]
STEPS_A_COMMIT = 500


def step(method: Callable[Concatenate[J, DB, P], T]) -> Callable[Concatenate[J, P], Coroutine[Any, Any, T]]:
    """Make a method of a journal that runs as a step. Raises RetryableError, and then nothing was done."""

    async def durable(self: J, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.do(lambda db: method(self, db, *args, **kwargs))

    durable.__doc__ = method.__doc__
    return durable


class Journal:
    """Steps on a file in the plugin's folder, durable when awaited. Failures are RetryableError: a disk gets room again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._path = context.data_directory / "journal.sqlite"
        self.owner = uuid.uuid4().hex  # names this life of the process in leases
        self._lock: IO[bytes] | None = None
        self._db: DB | None = None
        self._waiting: queue.SimpleQueue[tuple[Step[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Check the file, rebuild a damaged one, take back leases of dead processes. Raises RetryableError or StartError."""
        try:
            await asyncio.to_thread(self._open)
        except (OSError, sqlite3.Error, StartError) as error:
            self._close()
            if isinstance(error, StartError):
                raise
            raise RetryableError(f"the image journal can't be opened: {_message(error)}", after=5) from None
        self._thread = threading.Thread(target=self._write, name="images journal", daemon=True)
        self._thread.start()

    async def do(self, step: Step[T]) -> T:
        """Run a step within a transaction and return once that is on the disk. Raises RetryableError, then nothing was done."""
        if self._thread is None:
            raise RetryableError("the image journal is closed")
        future: Future[T] = Future()
        self._waiting.put((step, future))
        try:
            return await asyncio.wrap_future(future)
        finally:
            del future  # its exception holds this frame, and those above it with the batch

    async def close(self) -> None:
        """Finish what waits, give back every lease, and close. Idempotent."""
        thread, self._thread = self._thread, None
        if thread is not None:
            future: Future[None] = Future()
            self._waiting.put((lambda db: _release_all(db, self.owner), future))
            self._waiting.put(None)
            await asyncio.to_thread(thread.join)
        self._close()

    def alive(self, owner: str) -> bool:
        """Whether the process of a lease still runs."""
        if owner == self.owner:
            return True
        try:
            with self._lock_of(owner).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        self._lock_of(owner).unlink(missing_ok=True)
        return False

    async def release_dead(self) -> None:
        """Take back what dead processes had leased. Raises RetryableError."""
        await self.do(self._release_dead)

    async def meta(self, name: str) -> str:
        """Return a note of the journal, "" when there is none. Raises RetryableError."""
        row = await self.do(lambda db: db.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone())
        return "" if row is None else str(row[0])

    async def set_meta(self, name: str, value: str) -> None:
        """Write a note down. Raises RetryableError."""
        await self.do(lambda db: _set_meta(db, name, value))

    async def is_complete(self) -> bool:
        """Whether the journal holds all there is: it was filled from the table, and not left open since. Raises RetryableError."""
        return await self.meta("filled") == "yes" and not await self.meta("crashed")

    def others(self) -> bool:
        """Whether another living process has the journal open."""
        return any(self.alive(path.stem) for path in self._path.parent.glob("*.owner") if path.stem != self.owner)

    def _lock_of(self, owner: str) -> Path:
        return self._path.with_name(f"{owner}.owner")

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = self._lock_of(self.owner).open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        crashed = not self.others() and recovery.was_left_open(self._path)
        if fault := self._fault():
            self._rebuild(fault)
        else:
            self._db = recovery.connect(self._path)
        assert self._db is not None
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:  # commits, or rolls back
            if crashed:
                _set_meta(self._db, "crashed", "yes")
            self._release_dead(self._db)

    def _release_dead(self, db: DB) -> None:
        jobs = db.execute("SELECT DISTINCT owner FROM jobs INDEXED BY jobs_leased WHERE owner != ''").fetchall()
        for (owner,) in {*jobs, *db.execute("SELECT DISTINCT owner FROM blobs WHERE owner != ''").fetchall()}:
            if not self.alive(owner):
                _release_all(db, owner)

    def _fault(self) -> str:
        if not self._path.exists():
            return ""
        if not self._path.stat().st_size:
            return "the file is empty"
        try:
            with contextlib.closing(recovery.connect(self._path)) as db:
                return recovery.fault_of(db)
        except sqlite3.DatabaseError as error:
            if recovery.is_damage(error):
                return _message(error)
            raise

    def _rebuild(self, fault: str) -> None:
        """Set the file aside and go on with what can be read of it. Raises OSError, sqlite3.Error."""
        self._disconnect()
        if self.others():
            raise OSError("it is damaged, and another process has it open: stop that one first")
        aside = recovery.set_aside(self._path, self._context.clock.now())
        self._db = recovery.connect(self._path)
        saved = recovery.save_rows(aside, self._db, self.owner)
        _set_meta(self._db, "rebuilt", aside.name)
        self._context.metrics.add(telemetry.IMAGE_JOURNALS_REBUILT)
        message = "THE IMAGE JOURNAL WAS DAMAGED (%s) and is set aside as %s; %d jobs were read from it, the rest is in ClickHouse"
        self._context.logger.error(message, fault, aside, saved)

    def _write(self) -> None:
        while True:
            group = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(group) < STEPS_A_COMMIT:
                    group.append(self._waiting.get_nowait())
            self._commit([entry for entry in group if entry and entry[1].set_running_or_notify_cancel()])
            if None in group:
                return
            del group  # or what was written stays in memory until there is more

    def _commit(self, group: list[tuple[Step[Any], Future[Any]]]) -> None:
        """Run the steps as one transaction; each outcome is set only after the commit. A step that is refused wrote nothing."""
        outcomes: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            if self._db is None:
                self._db = recovery.connect(self._path)
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                for step, future in group:
                    try:
                        outcomes.append((future, step(self._db), None))
                    except RetryableError as refused:
                        outcomes.append((future, None, refused.with_traceback(None)))
        except (OSError, sqlite3.Error) as error:
            failure = self._failed(error)
            outcomes = [(future, None, failure) for _, future in group]
        except Exception as error:
            # a fault in a step must not end the thread; nothing of the group was written
            self._context.logger.error(
                "a step of the image journal failed: %s at %s", type(error).__name__, error_location(error)
            )
            outcomes = [(future, None, RetryableError(f"unexpected {type(error).__name__}")) for _, future in group]
        for future, result, refusal in outcomes:
            if refusal is None:
                future.set_result(result)
            else:
                future.set_exception(refusal)

    def _failed(self, error: OSError | sqlite3.Error) -> RetryableError:
        self._disconnect()  # after a failed write or sync the connection's idea of the file is worth nothing
        if isinstance(error, sqlite3.Error) and recovery.is_damage(error):
            try:
                self._rebuild(_message(error))
            except (OSError, sqlite3.Error) as again:
                return RetryableError(f"the image journal is damaged and can't be rebuilt: {_message(again)}", after=5)
            return RetryableError("the image journal was damaged and has been rebuilt")
        return RetryableError(f"the image journal can't be written: {_message(error)}", after=5)

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with contextlib.suppress(sqlite3.Error):
                db.close()

    def _close(self) -> None:
        self._disconnect()
        if self._lock is not None:
            self._lock_of(self.owner).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None


def _set_meta(db: DB, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, value])


def _release_all(db: DB, owner: str) -> None:
    for table in ("blobs", "jobs"):
        db.execute(f"UPDATE {table} SET owner = '' WHERE owner = ?", [owner])


def _message(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)[:200]
