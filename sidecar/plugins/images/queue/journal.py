"""The journal: an SQLite file that one thread of this process writes, many steps in one durable commit.

Steps that wait while a commit is on its way to the disk go into the next one together, so a hundred acks cost one fsync.
Other processes (a second sidecar's replay, the command line) may use the file too; what a process has leased bears its name,
and a lock that the system takes away when it dies tells the others.
"""

import asyncio
import contextlib
import fcntl
import logging
import queue
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any, TypeVar

from common.error_location import error_location
from sidecar.errors import Retryable
from sidecar.plugin import Clock
from sidecar.plugins.images.queue import job_endings, recovery
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import Metrics

T = TypeVar("T")
Step = Callable[[sqlite3.Connection], T]
STEPS_A_COMMIT = 500


class Journal:
    """Steps of `ledger` and `endings`, durable when awaited. Failures are Retryable: a disk gets room again."""

    def __init__(self, path: Path, clock: Clock, logger: logging.Logger, metrics: Metrics) -> None:
        self._path = path
        self._clock = clock
        self._logger = logger
        self._metrics = metrics
        self.owner = uuid.uuid4().hex
        """The name of this life of the process in leases."""
        self._lock: IO[bytes] | None = None
        self._db: sqlite3.Connection | None = None
        self._waiting: queue.SimpleQueue[tuple[Step[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Check the file, rebuild it when it is damaged, and take back what dead processes had leased. Raises Retryable."""
        try:
            await asyncio.to_thread(self._open)
        except (OSError, sqlite3.Error) as error:
            self._close()
            raise Retryable(f"the picture journal can't be opened: {_said(error)}", after=5) from None
        self._thread = threading.Thread(target=self._write, name="images journal", daemon=True)
        self._thread.start()

    async def do(self, step: Step[T]) -> T:
        """Run a step within a transaction and return once that is on the disk. Raises Retryable, then nothing was done."""
        if self._thread is None:
            raise Retryable("the picture journal is closed")
        future: Future[T] = Future()
        self._waiting.put((step, future))
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Finish what waits, give back every lease, and close. Idempotent."""
        thread, self._thread = self._thread, None
        if thread is not None:
            future: Future[int] = Future()
            self._waiting.put((lambda db: job_endings.release_all(db, self.owner), future))
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

    def others(self) -> bool:
        """Whether another living process has the journal open."""
        names = [path.stem for path in self._path.parent.glob("*.owner")]
        return any(self.alive(name) for name in names if name != self.owner)

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
        with _transaction(self._db):
            if crashed:
                job_endings.remark(self._db, "crashed", "yes")
            for owner in job_endings.owners(self._db):
                if not self.alive(owner):
                    job_endings.release_all(self._db, owner)

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
                return _said(error)
            raise

    def _rebuild(self, fault: str) -> None:
        """Set the file aside and go on with what can be read of it. Raises OSError, sqlite3.Error."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self.others():
            raise OSError("it is damaged, and another process has it open: stop that one first")
        aside = recovery.set_aside(self._path, self._clock.now())
        self._db = recovery.connect(self._path)
        saved = recovery.save_rows(aside, self._db, self.owner)
        with _transaction(self._db):
            job_endings.remark(self._db, "rebuilt", aside.name)
        self._metrics.add(telemetry.IMAGE_JOURNALS_REBUILT)
        self._logger.error(
            "THE PICTURE JOURNAL WAS DAMAGED (%s) and is set aside as %s; %d jobs were read from it, the rest is looked for in"
            " ClickHouse",
            fault,
            aside,
            saved,
        )

    def _write(self) -> None:
        while True:
            group = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(group) < STEPS_A_COMMIT:
                    group.append(self._waiting.get_nowait())
            self._commit([entry for entry in group if entry and entry[1].set_running_or_notify_cancel()])
            if None in group:
                return

    def _commit(self, group: list[tuple[Step[Any], Future[Any]]]) -> None:
        """Run the steps as one transaction; each outcome is told only after the commit. A step that is refused wrote nothing."""
        outcomes: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            if self._db is None:
                self._db = recovery.connect(self._path)
            with _transaction(self._db):
                for step, future in group:
                    try:
                        outcomes.append((future, step(self._db), None))
                    except Retryable as refused:
                        outcomes.append((future, None, refused))
        except (OSError, sqlite3.Error) as error:
            failure = self._failed(error)
            outcomes = [(future, None, failure) for _, future in group]
        except Exception as error:
            # a fault in a step must not end the thread; nothing of the group was written
            self._logger.error(
                "a step of the picture journal failed: %s at %s", type(error).__name__, error_location(error)
            )
            outcomes = [(future, None, Retryable(f"unexpected {type(error).__name__}")) for _, future in group]
        for future, result, failure_ in outcomes:
            if failure_ is None:
                future.set_result(result)
            else:
                future.set_exception(failure_)

    def _failed(self, error: OSError | sqlite3.Error) -> Retryable:
        if self._db is not None:  # after a failed write or sync the connection's idea of the file is worth nothing
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        if isinstance(error, sqlite3.Error) and recovery.is_damage(error):
            try:
                self._rebuild(_said(error))
            except (OSError, sqlite3.Error) as again:
                return Retryable(f"the picture journal is damaged and can't be rebuilt: {_said(again)}", after=5)
            return Retryable("the picture journal was damaged and has been rebuilt")
        return Retryable(f"the picture journal can't be written: {_said(error)}", after=5)

    def _close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        if self._lock is not None:
            self._lock_of(self.owner).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # a full disk may have ended it already
            db.execute("ROLLBACK")
        raise


def _said(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)[:200]
