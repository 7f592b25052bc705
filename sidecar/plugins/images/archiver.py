"""The image archiver: a picture that an event tells of is written down as a job before the ack, and archived after it."""

import asyncio

from sidecar import telemetry
from sidecar.batch import Batch
from sidecar.errors import Permanent, Retryable
from sidecar.plugin import Context
from sidecar.plugins.images.config import ImagesConfig
from sidecar.plugins.images.durable import Spool
from sidecar.plugins.images.fetch import Fetcher
from sidecar.plugins.images.jobs import EVENT_TYPES, Job, jobs_of
from sidecar.plugins.images.store import Store
from sidecar.plugins.images.stores import build_store
from sidecar.plugins.images.table import ImagesTable
from sidecar.plugins.images.telegram import TelegramFiles
from sidecar.plugins.images.worker import Source, Workers


class ImageArchiver:
    """Keeps the pictures of image_generated events. The `images` table is its list of jobs and their endings."""

    events: frozenset[str] | None = EVENT_TYPES

    def __init__(self, config: ImagesConfig, context: Context) -> None:
        self._config = config
        self._context = context
        self._spool = Spool(context.data_directory / "spool")
        self._store: Store = build_store(config, config.directory, context)
        self._one_at_a_time = asyncio.Lock()
        self._table: ImagesTable | None = None
        self._workers: Workers | None = None
        self._fetcher: Fetcher | None = None
        self._telegram: TelegramFiles | None = None

    async def start(self) -> None:
        """Take up the jobs an earlier life left pending. Raises Retryable while the table or the disk isn't there."""
        if self._workers is not None:
            return
        try:
            await asyncio.to_thread(self._spool.make)
        except OSError as error:
            raise Retryable(f"the picture spool in CHATTRAIL_SIDECAR_DATA can't be made: {error.strerror}") from None
        await self._store.start()
        table = await ImagesTable.connect(self._config.url.get_secret_value())
        self._table = table
        self._workers = Workers(self._config, self._context, table, self._store, self._spool, self._sources())
        self._workers.start()

    async def handle(self, batch: Batch) -> None:
        """Return once every new picture is a pending row, and bytes that came along are on disk."""
        found = jobs_of(batch.events(EVENT_TYPES), batch.received_at)
        if not found:
            return
        if self._table is None or self._workers is None:
            raise Retryable("the image archiver has not started")
        # between looking for a row and writing it nobody else may write it: a second copy of an event waits for the first
        async with self._one_at_a_time:
            known = await self._table.known([job.event_id for job in found])
            fresh = {job: content for job, content in found.items() if job.event_id not in known}
            if not fresh:
                return
            try:
                await asyncio.to_thread(self._keep_bytes, fresh)
            except OSError as error:
                raise Retryable(f"the picture spool can't be written: {error.strerror}", after=5) from None
            await self._workers.add(fresh)
        self._context.metrics.add(telemetry.IMAGE_JOBS, len(fresh))

    async def shutdown(self) -> None:
        """Stop fetching; what has not ended stays pending. Idempotent, safe before start."""
        workers, self._workers = self._workers, None
        table, self._table = self._table, None
        fetcher, self._fetcher = self._fetcher, None
        telegram, self._telegram = self._telegram, None
        if workers is not None:
            await workers.stop()
        for closing in (fetcher, telegram, table, self._store):
            if closing is not None:
                await closing.close()

    def _keep_bytes(self, jobs: dict[Job, bytes]) -> None:
        for job, content in jobs.items():
            if content:
                self._spool.write(job.event_id, content)

    def _sources(self) -> dict[str, Source]:
        config = self._config
        self._fetcher = fetcher = Fetcher(
            max_bytes=config.max_bytes, timeout_s=config.timeout_s, loopback_hosts=config.loopback_hosts
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


async def _no_token(_job: Job) -> bytes:
    raise Permanent("pictures by file_id need CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN")
