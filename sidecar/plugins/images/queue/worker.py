"""Works through the jobs: fetch, inspect, store, record; later again for what may pass, an ending for what won't."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeVar

from common.error_location import error_location
from common.waiting import end, set_within
from sidecar.errors import PermanentError, RetryableError
from sidecar.plugin import Context
from sidecar.plugins.images.queue.job_store import GIVEN_UP, JobStore
from sidecar.plugins.images.queue.jobs import Job, ms
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import StorePausedError, Upload
from sidecar.plugins.images.upload.circuit_breaker import CircuitBreaker
from sidecar.plugins.images.upload.uploader import Uploader, store_away
from sidecar.telemetry import metrics as telemetry

LONGEST_BACKOFF_S = 3600.0
JOB_TIMEOUT_S = 900.0  # above every time limit of sources and stores: only for what none of them foresees
POLL_S = 1.0  # between looks for jobs that another process wrote, and for what time has made due
SETTLE_S = 30.0

Source = Callable[[Job], Awaitable[bytes]]
T = TypeVar("T")


class Workers:
    """A fixed number of tasks on leased jobs. `sources` bring bytes, by kind; `inspect` checks them."""

    def __init__(
        self,
        config: ImagesSettings,
        context: Context,
        jobs: JobStore,
        uploader: Uploader,
        *,
        sources: Mapping[str, Source],
        inspect: Callable[[Job, bytes], Awaitable[Upload]],
        on_change: Callable[[], None],
    ) -> None:
        self._config = config
        self._metrics, self._logger, self._clock = context.metrics, context.logger, context.clock
        self._jobs = jobs
        self._uploader = uploader
        self._sources = sources
        self._inspect = inspect
        self._on_change = on_change
        self._breaker = CircuitBreaker(context)
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._more = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def hold(self, why: StorePausedError) -> None:
        """Show in metrics and on the command line why nothing is begun yet."""
        self._breaker.pause(why)
        await self._insist(lambda: self._jobs.set_meta("paused", why.reason))

    def start(self) -> None:
        """Begin, with what earlier processes left."""
        self._breaker.passed()
        for work in (self._claim, self._settle, *[self._work] * self._config.concurrency):
            self._tasks.append(asyncio.create_task(work(), name=f"images {work.__name__}"))

    def wake(self) -> None:
        """Look for new jobs now."""
        self._more.set()

    async def stop(self) -> None:
        """Cancel what runs: closing the journal gives back what is leased. Idempotent."""
        await end(*self._tasks)

    async def _claim(self) -> None:
        """Keep twice as many jobs leased as can be worked on, so that no worker waits for a commit."""
        while True:
            self._more.clear()
            room = 2 * self._config.concurrency - self._queue.qsize()
            wait = POLL_S
            if room > self._config.concurrency:
                jobs = await self._insist(partial(self._jobs.claim, room))
                for job in jobs:
                    self._queue.put_nowait(job)
                if len(jobs) < room and (due := await self._insist(self._jobs.next_due)) is not None:
                    wait = min(max(due - ms(self._clock.now()), 5) / 1000, POLL_S)
            await set_within(self._more, wait)

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            if self._queue.qsize() < self._config.concurrency:
                self._more.set()
            await self._breaker.enter()
            try:
                await self._process(job)
            except Exception as error:  # a job must not take its worker with it
                await self._retry_later(job, self._unforeseen(job, error))
            finally:
                self._breaker.leave()

    async def _process(self, job: Job) -> None:
        try:
            async with asyncio.timeout(JOB_TIMEOUT_S):
                sha256 = await self._archive(job)
                await self._jobs.end(job, sha256=sha256, store=self._uploader.store_name)
            self._on_change()
            if self._breaker.passed():
                await self._insist(lambda: self._jobs.set_meta("paused", ""))
            self._metrics.add(telemetry.IMAGES_STORED, source=job.source_kind)
        except StorePausedError as error:
            self._breaker.pause(error)
            await self._insist(lambda: self._jobs.release(job))
            await self._insist(lambda: self._jobs.set_meta("paused", self._breaker.reason))
        except PermanentError as error:
            await self._fail(job, error.reason)
        except Exception as error:
            retryable = error if isinstance(error, RetryableError) else self._unforeseen(job, error)
            if job.attempts + 1 < self._config.attempts:
                await self._retry_later(job, retryable)
            else:
                await self._fail(job, f"{retryable.reason} ({GIVEN_UP} {job.attempts + 1} tries)")

    async def _archive(self, job: Job) -> str:
        """Return the SHA-256 under which the image is stored. Raises RetryableError, PermanentError or StorePausedError."""
        try:
            if await self._uploader.finish_earlier(job):
                return job.sha256
        except RetryableError as error:
            if self._breaker.is_open:  # the store is away for all of them: a question it can't answer costs no try
                raise store_away(error) from None
            raise
        source = self._sources.get(job.source_kind)
        if source is None:
            raise PermanentError(f"nothing is set up to fetch an image by {job.source_kind}")
        image = await self._inspect(job, await source(job))
        await self._uploader.put(job, image)
        return image.sha256

    async def _fail(self, job: Job, reason: str) -> None:
        await self._insist(lambda: self._jobs.end(job, reason=reason))
        self._on_change()
        self._metrics.add(telemetry.IMAGES_FAILED, source=job.source_kind)
        self._logger.warning("image of event %s is not kept: %s", job.event_id, reason)

    async def _retry_later(self, job: Job, error: RetryableError) -> None:
        self._metrics.add(telemetry.IMAGE_RETRIES, source=job.source_kind)
        wait = min(max(error.after, self._config.backoff_s * 2**job.attempts), LONGEST_BACKOFF_S)
        message = "image of event %s: %s; try %d of %d follows"
        self._logger.info(message, job.event_id, error.reason, job.attempts + 2, self._config.attempts)
        await self._insist(lambda: self._jobs.retry_later(job, wait, error.reason))
        self._on_change()
        self.wake()

    def _unforeseen(self, job: Job, error: Exception) -> RetryableError:
        where = error_location(error)  # not its text, which may hold a link
        self._logger.error("image of event %s: unexpected %s at %s", job.event_id, type(error).__name__, where)
        return RetryableError(f"unexpected {type(error).__name__}")

    async def _settle(self) -> None:
        """Settle what was left open at the store, and take back leases of processes that died."""
        while True:
            try:
                await self._uploader.settle_all()
                await self._jobs.release_dead()
                await self._jobs.set_meta("paused", self._breaker.reason)
            except RetryableError as error:
                self._logger.info("%s; trying again", error.reason)
            except Exception as error:  # a store's fault must not end this task
                self._logger.error("settling: unexpected %s at %s", type(error).__name__, error_location(error))
            await asyncio.sleep(SETTLE_S)

    async def _insist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Repeat a step of the journal until it succeeds: the work behind it is done and should not be done again."""
        wait = 0.5
        while True:
            try:
                return await write()
            except RetryableError as error:
                self._logger.info("%s; trying again", error.reason)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 10.0)
