"""The `images` table: what pages read of the jobs, published from the journal; a new journal is filled from it.

A row is replaced by one of the same event with a higher `updated_at`. A pending row's `updated_at` is the Unix epoch plus
its attempts in milliseconds, so no redelivery, however late or from whichever sidecar, can put an ended image back.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from common.clickhouse import connection_options
from common.error_location import error_location, first_line
from common.waiting import end, set_within
from sidecar.errors import RetryableError
from sidecar.plugin import Context
from sidecar.plugins.images.queue.job_store import ROWS_AT_ONCE, JobStore
from sidecar.plugins.images.queue.jobs import EVENT_TYPES, Job, telegram_source
from sidecar.plugins.images.queue.spool import Spool

POLL_S = 1.0
COALESCE_S = 0.05  # so that changes of one moment travel in one insert
LONGEST_WAIT_S = 10.0
DOUBTED = timedelta(days=1)  # what a crash may have taken from the journal is not older; the table decides for so long
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE_ALL = "00000000-0000-0000-0000-000000000000"
INSERT = {"async_insert": 0, "log_comment": "chattrail images"}  # names these inserts in ClickHouse's query log
COLUMNS = (
    "event_id", "image_id", "user_id", "source_kind", "source", "created_at", "status", "reason", "attempts", "store",
    "sha256", "updated_at", "key", "content_type", "bytes", "width", "height",
)  # fmt: skip
EVENTS_WITHOUT_ROW = Path(__file__).with_name("events_without_row.sql").read_text()
_TIME = "toUnixTimestamp64Milli({})"
_READ = {"event_id": "toString(event_id)", **{name: _TIME.format(name) for name in ("created_at", "updated_at")}}


class ImagesTable:
    """Reads and writes the table. Every failure is RetryableError: the table is a peer that comes back."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    @classmethod
    async def connect(cls, url: str, timeout_s: float = 30.0) -> Self:
        """Connect and see that the table is there. Raises RetryableError until it is."""
        # at a first start the sink is about to make the table, so look again soon
        with _failures(after=0.25):
            client = await clickhouse_connect.get_async_client(
                **connection_options(url), send_receive_timeout=timeout_s, tz_mode="aware"
            )
            try:
                await client.query("SELECT event_id FROM images LIMIT 0")
            except BaseException:
                await client.close()
                raise
        return cls(client)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def publish(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows of COLUMNS, times in Unix milliseconds. The same rows again change nothing."""
        with _failures():
            await self._client.insert("images", rows, column_names=COLUMNS, settings=INSERT)

    async def after(self, event_id: str, since: datetime, limit: int) -> list[tuple[Any, ...]]:
        """Return the next rows of COLUMNS behind an event that came or changed since, in the table's order."""
        return await self._query(
            f"SELECT {', '.join(_READ.get(name, name) for name in COLUMNS)} FROM images FINAL"  # noqa: S608
            " WHERE event_id > {event_id:UUID} AND greatest(images.created_at, images.updated_at) >= {since:DateTime64(3, 'UTC')}"
            " ORDER BY images.event_id LIMIT {limit:UInt32}",
            {"event_id": event_id, "since": since, "limit": limit},
        )

    async def events_without_row(self, event_id: str, since: datetime, limit: int) -> list[tuple[Any, ...]]:
        """Return events since then that name an image or file and have no row: id, image, person, bot, file_id, URL,
        file_id of another file, received.
        """
        parameters = {"event_id": event_id, "since": since, "limit": limit, "types": sorted(EVENT_TYPES)}
        return await self._query(EVENTS_WITHOUT_ROW, parameters)

    async def _query(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        with _failures():
            return [tuple(row) for row in (await self._client.query(sql, parameters=parameters)).result_rows]


@contextlib.contextmanager
def _failures(after: float = 2.0) -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, aiohttp.ClientError, OSError) as error:
        message = f"the images table can't be used now: {type(error).__name__} {first_line(error)}"
        raise RetryableError(message, after=after) from None


class Publisher:
    """One task. `filled` is set once the journal knows what the table knows; before that no job should be worked on."""

    def __init__(self, jobs: JobStore, url: str, spool: Spool, context: Context, *, with_files: bool = False) -> None:
        self._jobs = jobs
        self._url = url
        self._spool = spool
        self._with_files = with_files
        self._clock = context.clock
        self._logger = context.logger
        self._table: ImagesTable | None = None
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.filled = asyncio.Event()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="images publisher")

    def wake(self) -> None:
        """Publish a change soon."""
        self._changed.set()

    async def stop(self, flush_s: float = 3.0) -> None:
        """Publish what there is if that works at once, and end; the next process publishes the rest. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            self._stopping.set()
            self._changed.set()
            await asyncio.wait([task], timeout=flush_s)
            await end(task)
        table, self._table = self._table, None
        if table is not None:
            await table.close()

    async def _run(self) -> None:
        wait, logged = 0.25, ""
        while True:
            last = self._stopping.is_set()
            self._changed.clear()
            try:
                await self._round()
            except Exception as error:
                # its text may hold what was to be inserted
                unforeseen = f"unexpected {type(error).__name__} at {error_location(error)}"
                reason = error.reason if isinstance(error, RetryableError) else unforeseen
                if logged != reason:
                    self._logger.warning("%s; the journal keeps what pages will show later", reason)
                logged = reason
            else:
                wait, logged = 0.25, ""
            if last:
                return
            if logged:
                await set_within(self._stopping, wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
            else:
                await set_within(self._changed, POLL_S)
                await set_within(self._stopping, COALESCE_S)

    async def _round(self) -> None:
        if self._table is None:
            self._table = await ImagesTable.connect(self._url)
        if not await self._jobs.is_complete():
            await self._fill(self._table)  # first, for what was saved from a damaged journal the table may know better
        while await self._publish(self._table) == ROWS_AT_ONCE:
            pass
        self.filled.set()

    async def _publish(self, table: ImagesTable) -> int:
        rows = await self._jobs.unpublished()
        if rows:
            await table.publish(rows)
            await self._jobs.mark_published(rows)
            if with_bytes := [row[0] for row in rows if row[3] == "data"]:
                await asyncio.to_thread(self._spool.remove, *await self._jobs.done(with_bytes))
        return len(rows)

    async def _fill(self, table: ImagesTable) -> None:
        filled, rebuilt, crashed = [await self._jobs.meta(name) for name in ("filled", "rebuilt", "crashed")]
        doubted, after = self._clock.now() - DOUBTED, BEFORE_ALL
        while page := await table.after(after, doubted if filled else EPOCH, ROWS_AT_ONCE):
            await self._jobs.take_published(page)
            after = page[-1][0]
        if crashed or rebuilt:
            # acknowledged jobs that are neither readable nor published: the sink has stored their events all the same
            spooled = frozenset(await asyncio.to_thread(self._spool.names))
            since, found, after = EPOCH if rebuilt and not filled else doubted, 0, BEFORE_ALL
            while page := await table.events_without_row(after, since, ROWS_AT_ONCE):
                jobs = []
                for event_id, image_id, user_id, bot_id, file_id, url, other, received_at in page:
                    kind, source = ("file_id", telegram_source(bot_id, file_id)) if file_id else ("url", url)
                    if not source and other and self._with_files:
                        kind, source = "file", telegram_source(bot_id, other)
                    if event_id in spooled:
                        kind, source = "data", ""
                    elif not source:  # its bytes were never kept, nor the event acknowledged, and will come again
                        continue
                    jobs.append((Job(event_id, image_id, user_id, kind, source, received_at), 0))
                found += len(jobs) - len(await self._jobs.add(jobs))
                after = page[-1][0]
            if found:
                self._logger.warning("the journal of images had lost %d jobs, which stored events name", found)
        await self._jobs.set_meta("filled", "yes")
        await self._jobs.set_meta("crashed", "")
