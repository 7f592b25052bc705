"""The image archiver: a picture that an event tells of is written down as a job before the ack, and archived after it."""

import asyncio
import hashlib

from common.error_location import error_location
from sidecar.errors import Permanent, Retryable
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context
from sidecar.plugins.images import metrics as gauges
from sidecar.plugins.images.config import ImagesConfig
from sidecar.plugins.images.decode.decoder_pool import Examiner
from sidecar.plugins.images.decode.limits import Limits
from sidecar.plugins.images.fetch.http import Fetcher
from sidecar.plugins.images.fetch.telegram import TelegramFiles
from sidecar.plugins.images.queue import job_endings, job_rows
from sidecar.plugins.images.queue.jobs import EVENT_TYPES, Job, jobs_of
from sidecar.plugins.images.queue.journal import Journal
from sidecar.plugins.images.queue.spool import Spool
from sidecar.plugins.images.queue.worker import Means, Source, Workers
from sidecar.plugins.images.stores import build_store
from sidecar.plugins.images.stores.base import Paused, Store, Upload
from sidecar.plugins.images.table.publisher import Publisher
from sidecar.plugins.images.upload.uploader import Keeper
from sidecar.telemetry import metrics as telemetry


class ImageArchiver:
    """Keeps the pictures of image_generated events. The journal is its list of jobs, the `images` table what pages read."""

    events: frozenset[str] | None = EVENT_TYPES

    def __init__(self, config: ImagesConfig, context: Context, store: Store | None = None) -> None:
        self._config = config
        self._context = context
        self._spool = Spool(context.data_directory / "spool")
        self._store: Store = store or build_store(config, config.directory, context)
        self._examiner = _examiner_of(config, context)
        self._journal: Journal | None = None
        self._publisher: Publisher | None = None
        self._workers: Workers | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._fetcher: Fetcher | None = None
        self._telegram: TelegramFiles | None = None
        self._leftover: frozenset[str] = frozenset()  # events whose bytes an earlier life left, not looked at yet
        self._coming: set[str] = set()  # those of them that were sent again meanwhile

    async def start(self) -> None:
        """Open the journal and take up what an earlier life left. Raises Retryable while the disk isn't there.

        ClickHouse and the store are waited for in the background: events are taken without them.
        """
        if self._journal is not None:
            return
        journal = journal_of(self._context)
        await journal.open()
        try:
            await self._take_stock(journal)
        except BaseException:
            await journal.close()
            raise
        self._journal = journal
        context = self._context
        self._publisher = Publisher(journal, self._config.url.get_secret_value(), self._spool, context)
        keeper = Keeper(journal, self._store, context.clock)
        means = Means(self._sources(), self._inspect, self._publisher.wake)
        self._workers = Workers(self._config, context, journal, keeper, means)
        self._publisher.start()
        self._tasks = [
            asyncio.create_task(self._begin(journal, self._publisher, self._workers), name="images begin"),
            asyncio.create_task(gauges.keep_telling(journal, context), name="images gauges"),
        ]

    async def handle(self, batch: Batch) -> None:
        """Return once every new picture is in the journal, and bytes that came along are in the spool, on the disk."""
        found = jobs_of(batch.events(EVENT_TYPES), batch.received_at)
        if not found:
            return
        journal, workers, publisher = self._journal, self._workers, self._publisher
        if journal is None or workers is None or publisher is None:
            raise Retryable("the image archiver has not started")
        ids = [job.event_id for job in found]
        known = await journal.do(lambda db: job_rows.known(db, ids))
        fresh = {job: content for job, content in found.items() if job.event_id not in known}
        if not fresh:
            return
        await journal.do(lambda db: job_rows.has_room(db, self._config.max_pending, self._config.spool_bytes))
        self._coming.update(self._leftover.intersection(ids))
        try:
            await asyncio.to_thread(self._keep_bytes, fresh)
        except OSError as error:
            raise Retryable(f"the picture spool can't be written: {error.strerror}", after=5) from None
        sizes = [(job, len(content)) for job, content in fresh.items()]
        before = await journal.do(lambda db: job_rows.add(db, sizes))
        if before:  # the same event in another batch was faster, and may have ended by now
            for event_id in await journal.do(lambda db: job_endings.done_with(db, before)):
                await asyncio.to_thread(self._spool.remove, event_id)
        workers.wake()
        publisher.wake()
        self._context.metrics.add(telemetry.IMAGE_JOBS, len(fresh) - len(before))

    async def shutdown(self) -> None:
        """Stop fetching; what has not ended stays pending. Idempotent, safe before start."""
        tasks, self._tasks = self._tasks, []
        workers, self._workers = self._workers, None
        publisher, self._publisher = self._publisher, None
        journal, self._journal = self._journal, None
        fetcher, self._fetcher = self._fetcher, None
        telegram, self._telegram = self._telegram, None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stopping in (workers, publisher):
            if stopping is not None:
                await stopping.stop()
        for closing in (fetcher, telegram, self._examiner, journal, self._store):
            if closing is not None:
                await closing.close()

    async def _begin(self, journal: Journal, publisher: Publisher, workers: Workers) -> None:
        """Let the work begin when the journal knows what the table knows, and the store can be used."""
        await publisher.filled.wait()
        try:
            await self._sweep(journal)
        except (Retryable, OSError) as error:  # the next start sweeps
            self._context.logger.info("the spool of pictures was not tidied: %s", error)
        while True:
            try:
                await self._store.start()
                await self._examiner.start()
                break
            except Exception as error:
                why = Paused(f"unexpected {type(error).__name__} at {error_location(error)}", after=5.0)
                if isinstance(error, Retryable | Paused):
                    why = Paused(error.reason, after=min(max(error.after, 0.25), 60.0))
                await workers.hold(why)
                await asyncio.sleep(why.after)
        workers.start()

    async def _take_stock(self, journal: Journal) -> None:
        """Make the spool, see whose bytes an earlier life left, and sweep if the journal is sure to know. Raises Retryable."""
        try:
            self._leftover = frozenset(await asyncio.to_thread(self._spool.make, tidy=not journal.others()))
            if await journal.do(job_endings.sure):
                await self._sweep(journal)
        except OSError as error:
            raise Retryable(f"the picture spool in CHATTRAIL_SIDECAR_DATA can't be made: {error.strerror}") from None

    async def _sweep(self, journal: Journal) -> None:
        """Remove bytes that no job waits for: a crash came before the job, or after its end. Raises Retryable, OSError."""
        left = self._leftover
        if not left or journal.others():
            return
        unneeded = await journal.do(lambda db: job_endings.done_with(db, left))
        for name in set(unneeded) - self._coming:  # nothing is awaited from here on: none of them can come in between
            self._spool.remove(name)
        self._leftover = frozenset()
        self._coming.clear()

    def _keep_bytes(self, jobs: dict[Job, bytes]) -> None:
        for job, content in jobs.items():
            if content:
                self._spool.write(job.event_id, content)

    async def _inspect(self, content: bytes) -> Upload:
        found = await self._examiner.examine(content)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(found.content).hexdigest())
        return Upload(digest, found.content, found.media_type, found.extension, found.width, found.height)

    def _sources(self) -> dict[str, Source]:
        config = self._config
        self._fetcher = fetcher = Fetcher(
            max_bytes=config.max_bytes,
            timeout_s=config.timeout_s,
            loopback_hosts=config.loopback_hosts,
            allow_http=config.allow_http,
        )
        sources: dict[str, Source] = {
            "url": lambda job: fetcher.fetch(job.source),
            "data": self._read_spool,
            "file_id": _no_token,
        }
        if config.telegram_token is not None:
            self._telegram = telegram = TelegramFiles(
                config.telegram_token.get_secret_value(),
                config.telegram_api_url,
                max_bytes=config.max_bytes,
                timeout_s=config.timeout_s,
            )
            sources["file_id"] = lambda job: telegram.fetch(job.source)
        return sources

    async def _read_spool(self, job: Job) -> bytes:
        content = await asyncio.to_thread(self._spool.read, job.event_id)
        if content is None:
            raise Permanent("the picture's bytes are no longer in the spool")
        return content


def journal_of(context: Context) -> Journal:
    """The journal in the plugin's folder, not opened yet."""
    return Journal(context.data_directory / "journal.sqlite", context.clock, context.logger, context.metrics)


def _examiner_of(config: ImagesConfig, context: Context) -> Examiner:
    return Examiner(
        max_bytes=config.max_bytes,
        limits=Limits(pixels=config.max_pixels, frames=config.max_frames, memory_bytes=config.decoder_memory_bytes),
        processes=config.decoders,
        on_replaced=lambda why: context.metrics.add(telemetry.IMAGE_DECODERS, reason=why),
    )


async def _no_token(_job: Job) -> bytes:
    raise Permanent("pictures by file_id need CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN")
