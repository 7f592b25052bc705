"""Works through pending pictures: fetch, sniff, store, record; again later what may pass, an ending for what won't."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import TypeVar

from sidecar import telemetry
from sidecar.errors import Permanent, Retryable
from sidecar.plugin import Context
from sidecar.plugins.images.config import ImagesConfig
from sidecar.plugins.images.durable import Spool
from sidecar.plugins.images.jobs import Job
from sidecar.plugins.images.sniff import sniff
from sidecar.plugins.images.store import Store, Upload
from sidecar.plugins.images.table import Ending, ImagesTable, tried

LONGEST_BACKOFF_S = 300.0
Source = Callable[[Job], Awaitable[bytes]]
T = TypeVar("T")


class Workers:
    """A fixed number of tasks on a bounded list of jobs; what doesn't fit waits in the table and is read from there."""

    def __init__(
        self,
        config: ImagesConfig,
        context: Context,
        table: ImagesTable,
        store: Store,
        spool: Spool,
        sources: Mapping[str, Source],
    ) -> None:
        self._config = config
        self._metrics = context.metrics
        self._logger: logging.Logger = context.logger
        self._clock = context.clock
        self._table = table
        self._store = store
        self._spool = spool
        self._sources = sources
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._active: set[str] = set()
        self._ended_while_reading: set[str] | None = None
        self._more_in_table = True
        self._room = asyncio.Event()
        self._room.set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, with what the table holds from an earlier life."""
        self._tasks = [asyncio.create_task(self._refill(), name="images refill")]
        self._tasks += [
            asyncio.create_task(self._work(), name=f"images worker {number}")
            for number in range(self._config.concurrency)
        ]

    async def add(self, jobs: Collection[Job]) -> None:
        """Return once new jobs are pending in the table; they are worked on from then on. Raises Retryable."""
        # taken before they can be read from the table, so that no job is worked on twice
        taken = [job for job in jobs if self._take(job)]
        try:
            await self._table.add(jobs)
        except BaseException:
            self._active.difference_update(job.event_id for job in taken)
            raise
        for job in taken:
            self._queue.put_nowait(job)
        self._room.set()

    async def stop(self) -> None:
        """Stop where it stands: what has not ended stays pending in the table. Idempotent."""
        tasks, self._tasks = self._tasks, []
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, job: Job) -> bool:
        if job.event_id in self._active:
            return False
        if len(self._active) >= self._config.queue_size:
            self._more_in_table = True
            return False
        self._active.add(job.event_id)
        return True

    async def _refill(self) -> None:
        """Read pending jobs whenever some were left in the table and memory has room again."""
        while True:
            await self._room.wait()
            self._room.clear()
            if not self._more_in_table or len(self._active) > self._config.queue_size // 2:
                continue
            self._more_in_table = False
            ended = self._ended_while_reading = set()
            # every active job is still pending in the table, so ask for as many more than there is room for
            limit = self._config.queue_size + len(self._active) + 1
            pending = await self._insist(partial(self._table.pending, limit))
            self._ended_while_reading = None
            for job in pending:
                # one that ended while the answer was on its way looks pending in it
                if job.event_id not in ended and self._take(job):
                    self._queue.put_nowait(job)

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            try:
                await self._archive(job)
            except (
                Exception
            ) as error:  # a job must not take its worker with it; pending, it comes back at the next start
                self._unforeseen(job, error)
                self._leave(job)

    async def _archive(self, job: Job) -> None:
        job = tried(job)
        try:
            ending = await self._store_picture(job)
        except Permanent as error:
            ending = Ending("failed", self._clock.now(), reason=error.reason)
        except Exception as error:
            retryable = error if isinstance(error, Retryable) else self._unforeseen(job, error)
            if job.attempts < self._config.attempts:
                await self._later(job, retryable)
                return
            reason = f"{retryable.reason} (given up after {job.attempts} tries)"
            ending = Ending("failed", self._clock.now(), reason=reason)
        await self._insist(lambda: self._table.end(job, ending))
        if job.source_kind == "data":
            await asyncio.to_thread(self._spool.remove, job.event_id)
        if ending.status == "failed":
            self._metrics.add(telemetry.IMAGES_FAILED, source=job.source_kind)
            self._logger.warning("picture of event %s is not kept: %s", job.event_id, ending.reason)
        else:
            self._metrics.add(telemetry.IMAGES_STORED, source=job.source_kind)
        self._leave(job)

    async def _store_picture(self, job: Job) -> Ending:
        source = self._sources.get(job.source_kind)
        if source is None:
            raise Permanent(f"nothing is set up to fetch a picture by {job.source_kind}")
        content = await source(job)
        if len(content) > self._config.max_bytes:
            raise Permanent(f"the picture is larger than {self._config.max_bytes} bytes")
        picture = sniff(content, self._config.max_pixels)
        digest = hashlib.sha256(content).hexdigest()
        upload = Upload(digest, content, picture.content_type, picture.extension, picture.width, picture.height)
        key = await self._store.put(upload, _unnoted)
        return Ending(
            status="stored",
            updated_at=self._clock.now(),
            store=self._store.name,
            key=key,
            content_type=picture.content_type,
            bytes=len(content),
            width=picture.width,
            height=picture.height,
            sha256=digest,
        )

    def _unforeseen(self, job: Job, error: Exception) -> Retryable:
        where = telemetry.origin(error)  # not its text, which may hold a link
        self._logger.error("picture of event %s: unexpected %s at %s", job.event_id, type(error).__name__, where)
        return Retryable(f"unexpected {type(error).__name__}")

    async def _later(self, job: Job, error: Retryable) -> None:
        self._metrics.add(telemetry.IMAGE_RETRIES, source=job.source_kind)
        wait = max(error.after, self._config.backoff_s * 2 ** (job.attempts - 1))
        self._logger.info("picture of event %s: %s; try %d of %d follows", job.event_id, error.reason, job.attempts + 1,
                          self._config.attempts)  # fmt: skip
        await self._insist(lambda: self._table.add([job]))

        def again() -> None:
            self._timers.discard(timer)
            self._queue.put_nowait(job)

        timer = asyncio.get_running_loop().call_later(min(wait, LONGEST_BACKOFF_S), again)
        self._timers.add(timer)

    def _leave(self, job: Job) -> None:
        self._active.discard(job.event_id)
        if self._ended_while_reading is not None:
            self._ended_while_reading.add(job.event_id)
        if self._more_in_table:
            self._room.set()

    async def _insist(self, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat a step on the table until it succeeds: the work behind it is done and should not be done again."""
        wait = 0.5
        while True:
            try:
                return await step()
            except Retryable as error:
                self._logger.info("%s; trying again", error.reason)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 10.0)


async def _unnoted(_key: str) -> None:
    """The journal that notes keys comes with the next commit."""
