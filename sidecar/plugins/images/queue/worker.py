"""Works through the journal: fetch, inspect, store, record; again later what may pass, an ending for what won't."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from common.error_location import error_location
from sidecar.errors import Permanent, Retryable
from sidecar.plugin import Context
from sidecar.plugins.images.config import ImagesConfig
from sidecar.plugins.images.queue import job_endings, job_rows
from sidecar.plugins.images.queue.job_rows import Claim
from sidecar.plugins.images.queue.jobs import Job
from sidecar.plugins.images.queue.journal import Journal, Step
from sidecar.plugins.images.stores.base import Paused, Upload
from sidecar.plugins.images.upload.circuit_breaker import Gate
from sidecar.plugins.images.upload.uploader import Keeper, away
from sidecar.telemetry import metrics as telemetry

LONGEST_BACKOFF_S = 3600.0
LONGEST_TURN_S = 900.0  # above every time limit of sources and stores: only for what none of them foresees
LOOK_S = 1.0  # how often to look for jobs that another process wrote, and for what time has made due
TIDY_S = 30.0

Source = Callable[[Job], Awaitable[bytes]]
Inspect = Callable[[bytes], Awaitable[Upload]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Means:
    """What a job is worked on with: where bytes come from, by kind, what checks them, and who is told of changes."""

    sources: Mapping[str, Source]
    inspect: Inspect
    changed: Callable[[], None]


class Workers:
    """A fixed number of tasks on jobs leased from the journal."""

    def __init__(self, config: ImagesConfig, context: Context, journal: Journal, keeper: Keeper, means: Means) -> None:
        self._config = config
        self._metrics = context.metrics
        self._logger: logging.Logger = context.logger
        self._clock = context.clock
        self._journal = journal
        self._keeper = keeper
        self._means = means
        self._gate = Gate(context.clock, context.metrics, context.logger)
        self._queue: asyncio.Queue[Claim] = asyncio.Queue()
        self._more = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def hold(self, why: Paused) -> None:
        """Let metrics and the command line tell why nothing is begun yet."""
        self._gate.pause(why)
        await self._insist(partial(job_endings.remark, name="paused", value=why.reason))

    def start(self) -> None:
        """Begin, with what earlier lives left."""
        self._gate.passed()
        self._tasks = [
            asyncio.create_task(self._claim(), name="images claim"),
            asyncio.create_task(self._tidy(), name="images tidy"),
        ]
        self._tasks += [
            asyncio.create_task(self._work(), name=f"images worker {number}")
            for number in range(self._config.concurrency)
        ]

    def wake(self) -> None:
        """There are new jobs."""
        self._more.set()

    async def stop(self) -> None:
        """Stop where it stands: closing the journal gives back what is leased. Idempotent."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim(self) -> None:
        """Keep twice as many jobs leased as can be worked on, so that no worker waits for a commit."""
        aim = 2 * self._config.concurrency
        while True:
            self._more.clear()
            now = job_rows.ms(self._clock.now())
            room = aim - self._queue.qsize()
            wait = LOOK_S
            if room > self._config.concurrency:
                claims = await self._insist(partial(job_rows.claim, owner=self._journal.owner, limit=room, now=now))
                for claim in claims:
                    self._queue.put_nowait(claim)
                if len(claims) < room:
                    due = await self._insist(job_rows.next_due)
                    wait = LOOK_S if due is None else min(max(due - now, 5) / 1000, LOOK_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._more.wait()

    async def _work(self) -> None:
        while True:
            claim = await self._queue.get()
            if self._queue.qsize() < self._config.concurrency:
                self._more.set()
            await self._gate.enter()
            try:
                await self._turn(claim)
            except Exception as error:  # a job must not take its worker with it
                await self._later(claim.job, self._unforeseen(claim.job, error))
            finally:
                self._gate.leave()

    async def _turn(self, claim: Claim) -> None:
        job = claim.job
        try:
            async with asyncio.timeout(LONGEST_TURN_S):
                sha256 = await self._archive(claim)
                await self._end(claim, "stored", sha256=sha256, store=self._keeper.name)
            if self._gate.passed():
                await self._insist(partial(job_endings.remark, name="paused", value=""))
            self._metrics.add(telemetry.IMAGES_STORED, source=job.source_kind)
        except Paused as error:
            self._gate.pause(error)
            await self._insist(lambda db: job_endings.release(db, job))
            await self._insist(partial(job_endings.remark, name="paused", value=error.reason))
            return
        except Permanent as error:
            await self._fail(claim, error.reason)
        except Exception as error:
            retryable = error if isinstance(error, Retryable) else self._unforeseen(job, error)
            if job.attempts + 1 < self._config.attempts:
                await self._later(job, retryable)
                return
            await self._fail(claim, f"{retryable.reason} ({job_endings.GIVEN_UP} {job.attempts + 1} tries)")

    async def _archive(self, claim: Claim) -> str:
        """Return the SHA-256 under which the picture is stored. Raises Retryable, Permanent or Paused."""
        try:
            if await self._keeper.begun(claim):
                return claim.sha256
        except Retryable as error:
            if self._gate.shut:  # the store is away for all of them: that it can't be asked about this one costs no try
                raise away(error) from None
            raise
        source = self._means.sources.get(claim.job.source_kind)
        if source is None:
            raise Permanent(f"nothing is set up to fetch a picture by {claim.job.source_kind}")
        content = await source(claim.job)
        if len(content) > self._config.max_bytes:
            raise Permanent(f"the picture is larger than {self._config.max_bytes} bytes")
        picture = await self._means.inspect(content)
        await self._keeper.keep(claim, picture)
        return picture.sha256

    async def _end(self, claim: Claim, state: str, *, reason: str = "", sha256: str = "", store: str = "") -> None:
        now = job_rows.ms(self._clock.now())
        await self._journal.do(
            lambda db: job_endings.end(db, claim, state, now, reason=reason, sha256=sha256, store=store)
        )
        self._means.changed()

    async def _fail(self, claim: Claim, reason: str) -> None:
        now = job_rows.ms(self._clock.now())
        await self._insist(lambda db: job_endings.end(db, claim, "failed", now, reason=reason))
        self._means.changed()
        self._metrics.add(telemetry.IMAGES_FAILED, source=claim.job.source_kind)
        self._logger.warning("picture of event %s is not kept: %s", claim.job.event_id, reason)

    async def _later(self, job: Job, error: Retryable) -> None:
        self._metrics.add(telemetry.IMAGE_RETRIES, source=job.source_kind)
        wait = min(max(error.after, self._config.backoff_s * 2**job.attempts), LONGEST_BACKOFF_S)
        self._logger.info("picture of event %s: %s; try %d of %d follows", job.event_id, error.reason, job.attempts + 2,
                          self._config.attempts)  # fmt: skip
        next_try = job_rows.ms(self._clock.now()) + int(wait * 1000)
        await self._insist(lambda db: job_endings.later(db, job, next_try, error.reason))
        self._means.changed()
        self.wake()

    def _unforeseen(self, job: Job, error: Exception) -> Retryable:
        where = error_location(error)  # not its text, which may hold a link
        self._logger.error("picture of event %s: unexpected %s at %s", job.event_id, type(error).__name__, where)
        return Retryable(f"unexpected {type(error).__name__}")

    async def _tidy(self) -> None:
        """Settle what was left open at the store, and take back leases of processes that died."""
        while True:
            try:
                await self._keeper.tidy()
                for owner in await self._journal.do(job_endings.owners):
                    if not self._journal.alive(owner):
                        await self._journal.do(partial(job_endings.release_all, owner=owner))
                await self._journal.do(partial(job_endings.remark, name="paused", value=self._gate.reason))
            except Retryable as error:
                self._logger.info("%s; trying again", error.reason)
            except Exception as error:  # a store's fault must not end the tidying for good
                self._logger.error("tidying: unexpected %s at %s", type(error).__name__, error_location(error))
            await asyncio.sleep(TIDY_S)

    async def _insist(self, step: Step[T]) -> T:
        """Repeat a step on the journal until it succeeds: the work behind it is done and should not be done again."""
        wait = 0.5
        while True:
            try:
                return await self._journal.do(step)
            except Retryable as error:
                self._logger.info("%s; trying again", error.reason)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 10.0)
