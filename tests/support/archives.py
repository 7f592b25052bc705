"""An image archiver on a database of its own, driven from asynchronous tests."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from sidecar.otlp.batch import Batch
from sidecar.plugin import Clock, Context
from sidecar.plugins.images.plugin import ImageArchiver
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.telemetry.metrics import Metrics
from tests.support import otlp
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database

FAST = {"loopback_hosts": "127.0.0.1", "backoff_s": 0.01, "timeout_s": 5, "attempts": 3}


class Archive:
    """A database with the tables, a folder, and archivers one after another on them, as over restarts."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.images = folder / "pictures"
        self.spool = folder / "data" / "spool"
        self.journal = folder / "data" / "journal.sqlite"
        self.metrics = Metrics()
        self.client: Client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)

    def build(self, **given: Any) -> ImageArchiver:
        config = ImagesSettings.model_validate({"url": self.url, "directory": self.images, **FAST, **given})
        context = Context(Clock(), logging.getLogger("sidecar.images"), self.metrics, self.folder / "data")
        return ImageArchiver(config, context)

    @contextlib.asynccontextmanager
    async def archiver(self, **given: Any) -> AsyncIterator[ImageArchiver]:
        archiver = self.build(**given)
        await archiver.start()
        try:
            yield archiver
        finally:
            await archiver.shutdown()

    async def rows(self, where: str = "1") -> list[dict[str, Any]]:
        found = await asyncio.to_thread(
            self.client.query,
            f"SELECT *, toString(event_id) AS id FROM images FINAL WHERE {where} ORDER BY created_at, id",
        )
        return list(found.named_results())

    def journalled(self) -> list[dict[str, Any]]:
        """What the journal holds, read as another process would."""
        with contextlib.closing(sqlite3.connect(self.journal)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM jobs ORDER BY created_at, event_id")]

    async def shown(self, count: int) -> list[dict[str, Any]]:
        """The rows, once there are this many."""
        async with asyncio.timeout(60):
            while len(rows := await self.rows()) < count:  # noqa: ASYNC110 -- a database has no event
                await asyncio.sleep(0.02)  # between two looks at the condition above
        return rows

    async def ended(self, count: int = 1) -> list[dict[str, Any]]:
        """The rows, once this many have ended and none is pending."""
        async with asyncio.timeout(60):
            while True:
                rows = await self.rows()
                if len(rows) >= count and not any(row["status"] == "pending" for row in rows):
                    return rows
                await asyncio.sleep(0.02)  # between two looks at the condition above

    def files(self) -> list[Path]:
        return [path for path in self.images.rglob("*") if path.is_file()] if self.images.exists() else []


def generated(event_id: str | None = None, **source: Any) -> Batch:
    """A batch of one image_generated event; `source` are the image's attributes: url=, file_id=, data=, id=."""
    given = {name if "." in name else f"chattrail.image.{name}": value for name, value in source.items()}
    return batch_of(otlp.event("image_generated", event_id=event_id, attributes=given))


def batch_of(*records: Any) -> Batch:
    return Batch.parse(otlp.request(*records), datetime.now(UTC))


@contextlib.contextmanager
def archive_on(server: EmbeddedClickHouse, folder: Path) -> Iterator[Archive]:
    """An archive on a fresh database of a server."""
    with migrated_database(server) as name:
        archive = Archive(server.dsn(name), folder)
        yield archive
        archive.client.close()
