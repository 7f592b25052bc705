"""The `images` table as the archiver's memory: what is pending, what ended and how.

A row is replaced by one of the same event with a higher `updated_at`. A pending row's `updated_at` is the Unix epoch plus
its attempts in milliseconds, so no redelivery, however late or from whichever sidecar, can put an ended picture back.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.errors import Retryable
from sidecar.plugins.images.jobs import Job

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# a query's parameters travel as form fields, which a ClickHouse server takes up to 128 KiB (http_max_field_value_size)
IDS_A_QUERY = 1000
COLUMNS = (
    "event_id", "image_id", "user_id", "status", "store", "key", "content_type", "bytes", "width", "height", "sha256",
    "reason", "attempts", "source_kind", "source", "created_at", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended: status `stored` with where and what, or `failed` with a reason."""

    status: str
    updated_at: datetime
    reason: str = ""
    store: str = ""
    key: str = ""
    content_type: str = ""
    bytes: int = 0
    width: int = 0
    height: int = 0
    sha256: str = ""


class ImagesTable:
    """Reads and writes the table. Every failure is Retryable: the table is a peer that comes back."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    @classmethod
    async def connect(cls, url: str, timeout_s: float = 30.0) -> Self:
        """Connect and see that the table is there. Raises Retryable until it is."""
        client = None
        try:
            client = await clickhouse_connect.get_async_client(
                dsn=url, autogenerate_session_id=False, send_receive_timeout=timeout_s, tz_mode="aware"
            )
            await client.query("SELECT event_id FROM images LIMIT 0")
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            if client is not None:
                await client.close()
            # at a first start the sink is about to make the table, so look again soon
            raise Retryable(_unavailable(error).reason, after=0.25) from None
        return cls(client)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def known(self, event_ids: Collection[str]) -> set[str]:
        """Which of these events have a row, whatever its status."""
        if not event_ids:
            return set()
        rows = await self._query(
            "SELECT DISTINCT toString(event_id) FROM images WHERE event_id IN {ids:Array(UUID)}",
            {"ids": list(event_ids)},
        )
        return {str(row[0]) for row in rows}

    async def pending(self, limit: int) -> list[Job]:
        """The oldest jobs that have not ended."""
        rows = await self._query(
            "SELECT toString(event_id), image_id, user_id, source_kind, source, created_at, attempts FROM images FINAL "
            "WHERE status = 'pending' ORDER BY created_at, event_id LIMIT {limit:UInt32}",
            {"limit": limit},
        )
        return [Job(*row) for row in rows]

    async def add(self, jobs: Collection[Job]) -> None:
        """Write jobs as pending, with the attempts they have had."""
        await self._insert([_row(job, Ending("pending", EPOCH + timedelta(milliseconds=job.attempts))) for job in jobs])

    async def end(self, job: Job, ending: Ending) -> None:
        """Write how a job ended."""
        await self._insert([_row(job, ending)])

    async def _query(self, sql: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        try:
            return (await self._client.query(sql, parameters=parameters)).result_rows
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            raise _unavailable(error) from None

    async def _insert(self, rows: list[list[Any]]) -> None:
        # the same rows have the same token: the driver may send an insert again when a connection breaks
        token = "images:" + hashlib.sha256(repr(rows).encode()).hexdigest()
        try:
            await self._client.insert(
                "images", rows, column_names=COLUMNS, settings={"async_insert": 0, "insert_deduplication_token": token}
            )
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            raise _unavailable(error) from None


def _row(job: Job, ending: Ending) -> list[Any]:
    values = {
        "event_id": job.event_id,
        "image_id": job.image_id,
        "user_id": job.user_id,
        "attempts": min(job.attempts, 255),
        "source_kind": job.source_kind,
        "source": job.source,
        "created_at": job.created_at,
    }
    return [values[name] if name in values else getattr(ending, name) for name in COLUMNS]


def tried(job: Job) -> Job:
    """The job with one more attempt behind it."""
    return replace(job, attempts=job.attempts + 1)


def _unavailable(error: Exception) -> Retryable:
    # the first line only: ClickHouse quotes data further down
    said = (str(error).splitlines() or [""])[0][:200]
    return Retryable(f"the images table can't be used now: {type(error).__name__} {said}", after=2.0)
