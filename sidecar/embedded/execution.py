"""One running query between the event loop and the engine's threads: next piece, cancel, end."""

import asyncio
import contextlib
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future
from typing import Any, Final

from sidecar.embedded.compression import Deflater
from sidecar.embedded.engine import Engine
from sidecar.embedded.job import Job
from sidecar.embedded.sessions import Session

STEP: Final = 1 << 20


class Execution:
    """Runs a job on worker threads, one step at a time. Always `end` it."""

    def __init__(
        self, engine: Engine, threads: Executor, job: Job, session: Session | None, deflater: Deflater
    ) -> None:
        self.job = job
        self.deflater = deflater
        self._engine = engine
        self._threads = threads
        self._session = session
        self._pieces = self._work()
        self._step: Future[bytes] | None = None
        self.finished = False  # nothing is to come, and the connection is closed

    async def next(self) -> bytes:
        """The next megabyte or more of the answer, coded, or all that is left (`finished`). Raises ClickHouseError."""
        self._step = self._threads.submit(self._gather)
        return await asyncio.shield(_awaited(self._step))

    async def end(self) -> None:
        """Close the connection. A query that nobody waits for any more is killed; a write is left to finish."""
        loop = asyncio.get_running_loop()
        step = self._step
        while step is not None and not step.done():
            if self.job.reads:
                await loop.run_in_executor(self._threads, self._engine.kill, self.job)
            # the engine may not have registered the query yet when it is asked: ask again until the step is over
            await asyncio.wait([_awaited(step)], timeout=0.2)
        if not self.finished:
            await loop.run_in_executor(self._threads, self._pieces.close)
        self._step = None  # the exception in it holds the frames that hold this, with the query

    def _gather(self) -> bytes:
        # one step for a small answer: under load each change of threads costs more than the query
        gathered, size = [], 0
        for piece in self._pieces:
            gathered.append(piece)
            size += len(piece)
            if size >= STEP:
                break
        else:
            self.finished = True
        return gathered[0] if len(gathered) == 1 else b"".join(gathered)

    def _work(self) -> Any:
        session, fresh = self._session, True
        checked = self._engine.check(self.job)
        if session is not None and session.connection is not None:
            connection, fresh = session.connection, False
        else:
            connection = self._engine.connect()
        keeps = session is not None and (not fresh or checked.keeps_state)
        try:
            before = self._engine.prepare(connection, self.job, fresh=fresh)
            if session is not None and keeps:
                session.connection = connection
            try:
                yield from self._coded(self._engine.run(connection, self.job))
            finally:
                self._engine.restore(connection, before)
        finally:
            if session is None or session.connection is not connection:
                connection.close()

    def _coded(self, pieces: Generator[bytes, None, None]) -> Iterator[bytes]:
        deflater, empty = self.deflater, True
        with contextlib.closing(pieces):  # the engine waits for ever when a connection is closed under an open answer
            for piece in pieces:
                if piece:
                    empty = False
                    yield deflater.compress(piece)
        if not empty:
            yield deflater.flush()


def _awaited(step: Future[bytes]) -> asyncio.Future[bytes]:
    # when a client left nobody asks for the outcome any more: mark it as seen, or asyncio logs it with the query's text
    future = asyncio.wrap_future(step)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
