"""The `images` table: what pages read of the jobs, and what a new journal is filled from.

A row is replaced by one of the same event with a higher `updated_at`. A pending row's `updated_at` is the Unix epoch plus
its attempts in milliseconds, so no redelivery, however late or from whichever sidecar, can put an ended image back.
"""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.errors import RetryableError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEFORE_ALL = "00000000-0000-0000-0000-000000000000"
INSERT = {"async_insert": 0, "log_comment": "chattrail images"}  # names these inserts in ClickHouse's query log
COLUMNS = (
    "event_id", "image_id", "user_id", "source_kind", "source", "created_at", "status", "reason", "attempts", "store",
    "sha256", "updated_at", "key", "content_type", "bytes", "width", "height",
)  # fmt: skip
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
                dsn=url, autogenerate_session_id=False, send_receive_timeout=timeout_s, tz_mode="aware"
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
        """Return events since then that name an image and have no row: id, image, person, file_id, URL, received.

        Bytes that came inside an event are in no column: the spool has them.
        """
        return await self._query(
            "SELECT toString(event_id), image_id, user_id, attributes['chattrail.image.file_id'],"
            " attributes['chattrail.image.url'], toUnixTimestamp64Milli(received_at) FROM events FINAL"
            " WHERE event_id > {event_id:UUID} AND type = 'image_generated' AND error_type = ''"
            " AND received_at >= {since:DateTime64(3, 'UTC')} AND events.event_id NOT IN"
            " (SELECT event_id FROM images) ORDER BY events.event_id LIMIT {limit:UInt32}",
            {"event_id": event_id, "since": since, "limit": limit},
        )

    async def _query(self, sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        with _failures():
            return [tuple(row) for row in (await self._client.query(sql, parameters=parameters)).result_rows]


@contextlib.contextmanager
def _failures(after: float = 2.0) -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, aiohttp.ClientError, OSError) as error:
        # the first line only: ClickHouse quotes data further down
        message = (str(error).splitlines() or [""])[0][:200]
        raise RetryableError(
            f"the images table can't be used now: {type(error).__name__} {message}", after=after
        ) from None
