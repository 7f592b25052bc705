"""The image archiver: an image that an event names is written down as a job before the ack, and archived after it."""

import asyncio
import hashlib
from contextlib import AsyncExitStack

from common.error_location import error_location
from common.waiting import end
from sidecar.errors import PermanentError, RetryableError
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context
from sidecar.plugins.images.decode.decoder_pool import DecoderPool
from sidecar.plugins.images.fetch.http import Fetcher
from sidecar.plugins.images.fetch.telegram import TelegramBots
from sidecar.plugins.images.files import upload_of
from sidecar.plugins.images.queue.job_store import JobStore
from sidecar.plugins.images.queue.jobs import EVENT_TYPES, FILE_MARK, IMAGE_MARK, Job, jobs_of
from sidecar.plugins.images.queue.spool import Spool
from sidecar.plugins.images.queue.worker import Source, Workers
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores import build_store
from sidecar.plugins.images.stores.base import Store, StorePausedError, Upload
from sidecar.plugins.images.table import Publisher
from sidecar.plugins.images.upload.uploader import Uploader
from sidecar.telemetry import metrics as telemetry

METRICS_EVERY_S = 10.0


class ImageArchiver:
    """Keeps the images that events of both sides name. The journal is its list of jobs, the `images` table what pages read."""

    events: frozenset[str] | None = EVENT_TYPES

    def __init__(self, config: ImagesSettings, context: Context, store: Store | None = None) -> None:
        self._config = config
        self._context = context
        self._spool = Spool(context.data_directory / "spool")
        self._store: Store = store or build_store(config, context)
        self._decoders = DecoderPool(config, lambda why: context.metrics.add(telemetry.IMAGE_DECODERS, reason=why))
        self._jobs = JobStore(context)
        url, with_files = config.url.get_secret_value(), config.files_max_bytes > 0
        self._publisher = Publisher(self._jobs, url, self._spool, context, with_files=with_files)
        self._workers: Workers | None = None
        self._closing = AsyncExitStack()
        self._leftover: frozenset[str] = frozenset()  # events whose bytes an earlier process left, not looked at yet
        self._sent_again: set[str] = set()  # those of them that were sent again meanwhile

    async def start(self) -> None:
        """Open the journal and take up what an earlier process left. Raises RetryableError while the disk isn't there.

        ClickHouse and the store are waited for in the background: events are taken without them.
        """
        if self._workers is not None:
            return
        jobs = self._jobs
        async with AsyncExitStack() as opened:
            await jobs.open()
            opened.push_async_callback(self._store.close)
            opened.push_async_callback(jobs.close)
            await self._take_stock()
            opened.push_async_callback(self._decoders.close)
            workers = Workers(
                self._config, self._context, jobs, Uploader(jobs, self._store),
                sources=self._sources(opened), inspect=self._inspect, on_change=self._publisher.wake,
            )  # fmt: skip
            self._publisher.start()
            opened.push_async_callback(self._publisher.stop)
            opened.push_async_callback(workers.stop)
            for work in (self._begin(workers), self._report_waiting()):
                opened.push_async_callback(end, asyncio.create_task(work, name="images plugin"))
            self._workers, self._closing = workers, opened.pop_all()

    async def handle(self, batch: Batch) -> None:
        """Return once every new image is in the journal, and bytes that came along are in the spool, on the disk."""
        files_max_bytes = self._config.files_max_bytes
        if IMAGE_MARK not in batch.body and not (files_max_bytes and FILE_MARK in batch.body):
            return
        found = jobs_of(batch.events(EVENT_TYPES), batch.received_at, files_max_bytes=files_max_bytes)
        if not found:
            return
        jobs, workers = self._jobs, self._workers
        if workers is None:
            raise RetryableError("the image archiver has not started")
        ids = [job.event_id for job in found]
        known = await jobs.states(ids)
        fresh = {job: content for job, content in found.items() if job.event_id not in known}
        if not fresh:
            return
        await jobs.check_room(self._config.max_pending, self._config.spool_bytes)
        self._sent_again.update(self._leftover.intersection(ids))
        try:
            for job, content in fresh.items():
                if content:
                    await asyncio.to_thread(self._spool.write, job.event_id, content)
        except OSError as error:
            raise RetryableError(f"the image spool can't be written: {error.strerror}", after=5) from None
        before = await jobs.add((job, len(content)) for job, content in fresh.items())
        if before:  # the same event in another batch was faster, and may have ended by now
            await asyncio.to_thread(self._spool.remove, *await jobs.done(before))
        workers.wake()
        self._publisher.wake()
        self._context.metrics.add(telemetry.IMAGE_JOBS, len(fresh) - len(before))

    async def shutdown(self) -> None:
        """Stop fetching; what has not ended stays pending. Idempotent, safe before start."""
        self._workers = None
        await self._closing.aclose()

    async def _begin(self, workers: Workers) -> None:
        """Let the work begin when the journal knows what the table knows, and the store can be used."""
        await self._publisher.filled.wait()
        try:
            await self._sweep()
        except (RetryableError, OSError) as error:  # the next start sweeps
            self._context.logger.info("the spool of images was not swept: %s", error)
        while True:
            try:
                await self._store.start()
                await self._decoders.start()
                break
            except Exception as error:
                why = StorePausedError(f"unexpected {type(error).__name__} at {error_location(error)}", after=5.0)
                if isinstance(error, RetryableError):
                    why = StorePausedError(error.reason, after=min(max(error.after, 0.25), 60.0))
                await workers.hold(why)
                await asyncio.sleep(why.after)
        workers.start()

    async def _report_waiting(self) -> None:
        """Set the gauges from the journal, again and again: whether or not anything can be archived."""
        while True:
            try:
                waiting, oldest = await self._jobs.waiting()
            except RetryableError as error:
                self._context.logger.info("%s; trying again", error.reason)
            else:
                age = 0.0 if oldest is None else self._context.clock.now().timestamp() - oldest / 1000
                self._context.metrics.set(telemetry.IMAGES_PENDING, waiting)
                self._context.metrics.set(telemetry.IMAGES_OLDEST_PENDING, max(age, 0.0))
            await asyncio.sleep(METRICS_EVERY_S)

    async def _take_stock(self) -> None:
        """Make the spool, list what an earlier process left, and sweep if the journal is complete. Raises RetryableError."""
        try:
            self._leftover = frozenset(await asyncio.to_thread(self._spool.make, tidy=not self._jobs.others()))
            if await self._jobs.is_complete():
                await self._sweep()
        except OSError as error:
            raise RetryableError(f"the image spool in CHATTRAIL_SIDECAR_DATA can't be made: {error.strerror}") from None

    async def _sweep(self) -> None:
        """Remove bytes that no job waits for: a crash came before the job, or after its end. Raises RetryableError, OSError."""
        left = self._leftover
        if not left or self._jobs.others():
            return
        unneeded = await self._jobs.done(left)
        self._spool.remove(*set(unneeded) - self._sent_again)  # no await from here on: none of them can come in between
        self._leftover = frozenset()
        self._sent_again.clear()

    async def _inspect(self, job: Job, content: bytes) -> Upload:
        if job.source_kind == "file":
            return await asyncio.to_thread(upload_of, content)
        found = await self._decoders.decode(content)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(found.content).hexdigest())
        return Upload(digest, found.content, found.media_type, found.extension, found.width, found.height)

    def _sources(self, opened: AsyncExitStack) -> dict[str, Source]:
        config = self._config
        fetcher = Fetcher(config)
        opened.push_async_callback(fetcher.close)
        tokens, url = config.bot_tokens, config.telegram_api_url
        telegram = TelegramBots(tokens, url, max_bytes=config.max_bytes, timeout_s=config.timeout_s)
        files = TelegramBots(tokens, url, max_bytes=config.files_max_bytes, timeout_s=config.timeout_s, what="file")
        for bots in (telegram, files):
            opened.push_async_callback(bots.close)
        sources: dict[str, Source] = {
            "url": lambda job: fetcher.fetch(job.source),
            "data": self._read_spool,
            "file_id": lambda job: telegram.fetch(job.source),
            "file": lambda job: files.fetch(job.source),
        }
        return sources

    async def _read_spool(self, job: Job) -> bytes:
        content = await asyncio.to_thread(self._spool.read, job.event_id)
        if content is None:
            raise PermanentError("the image's bytes are no longer in the spool")
        return content
