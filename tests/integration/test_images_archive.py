"""The image archiver end to end: real ClickHouse, hosts over HTTP, a Bot API server, files on disk."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.simulation.telegram_api import TelegramServer
from sidecar import telemetry
from sidecar.errors import Retryable
from sidecar.plugins.images.jobs import jobs_of
from sidecar.plugins.images.table import ImagesTable
from tests import otlp
from tests.archives import Archive, archive_on, batch_of, generated
from tests.embedded import EmbeddedClickHouse
from tests.picture_host import PictureHost, picture, send_to_telegram
from tests.receivers import quiet_port, until

ID = "0190a000-0000-7000-8000-00000000000a"


@pytest.fixture
def archive(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[Archive]:
    with archive_on(clickhouse, tmp_path) as running:
        yield running


@pytest.fixture
async def host() -> AsyncIterator[PictureHost]:
    async with PictureHost() as running:
        yield running


async def test_every_source_ends_as_a_file_and_a_row(
    archive: Archive, host: PictureHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    by_data, by_file_id = picture("WEBP", (30, 20)), picture("JPEG", (10, 90))
    async with TelegramServer(token="42:CANARY") as telegram:
        file_id = await send_to_telegram(telegram, by_file_id)
        async with archive.archiver(telegram_token="42:CANARY", telegram_api_url=telegram.url) as archiver:
            for source in ({"url": host.address("files/cat.png")}, {"file_id": file_id}, {"data": by_data}):
                await archiver.handle(generated(**source, id="picture-1"))
            rows = {row["source_kind"]: row for row in await archive.ended(3)}
    contents = {"url": host.files["cat.png"], "file_id": by_file_id, "data": by_data}
    sizes = {"url": (64, 48), "file_id": (10, 90), "data": (30, 20)}
    for kind, content in contents.items():
        row = rows[kind]
        digest = hashlib.sha256(content).hexdigest()
        assert (row["status"], row["store"], row["reason"], row["attempts"]) == ("stored", "directory", "", 1)
        assert (row["bytes"], row["width"], row["height"]) == (len(content), *sizes[kind])
        assert (row["sha256"], row["image_id"], row["user_id"]) == (digest, "picture-1", "7")
        assert row["key"].startswith(f"{digest[:2]}/{digest[2:4]}/{digest}.")
        assert (archive.pictures / row["key"]).read_bytes() == content
    assert rows["url"]["content_type"] == "image/png"  # the host said text/html
    assert (rows["file_id"]["source"], rows["data"]["source"]) == (file_id, "")
    assert list(archive.spool.iterdir()) == []
    assert archive.metrics.value(telemetry.IMAGES_STORED, source="url") == 1
    everything = str(await archive.rows()) + caplog.text + str(list(archive.folder.rglob("*")))
    assert "CANARY" not in everything


async def test_before_handle_returns_the_job_is_written_and_a_restart_takes_it_up(
    archive: Archive, host: PictureHost
) -> None:
    content = picture("GIF")
    async with archive.archiver(timeout_s=60, concurrency=1) as archiver:
        await archiver.handle(generated(url=host.address("slow")))
        await until(lambda: host.hits["/slow"])  # the only worker is busy with it
        await archiver.handle(generated(ID, data=content))
        assert [row["status"] for row in await archive.rows()] == ["pending", "pending"]
        assert [path.name for path in archive.spool.iterdir()] == [f"{ID}.bin"]
    assert [row["status"] for row in await archive.rows()] == ["pending", "pending"]
    async with archive.archiver(timeout_s=0.5, attempts=1):
        rows = {row["source_kind"]: row for row in await archive.ended(2)}
    assert rows["data"]["status"] == "stored"
    assert (archive.pictures / rows["data"]["key"]).read_bytes() == content
    assert rows["url"]["status"] == "failed"


async def test_the_same_event_again_is_one_row_and_one_fetch_however_late(archive: Archive, host: PictureHost) -> None:
    again = generated(ID, url=host.address("files/cat.png"))
    async with archive.archiver() as archiver:
        await asyncio.gather(*(archiver.handle(again) for _ in range(5)))
        (stored,) = await archive.ended()
        await archiver.handle(again)
    async with archive.archiver() as archiver:
        # in another batch, beside another event, after a restart
        record = otlp.event("image_generated", event_id=ID, **{"chattrail.image.url": host.address("files/cat.png")})
        other = otlp.event("image_generated", **{"chattrail.image.url": host.address("files/cat.jpg")})
        await archiver.handle(batch_of(record, other, record))
        assert len(await archive.ended(2)) == 2
    assert await archive.rows(f"event_id = '{ID}'") == [stored]
    assert host.hits["/files/cat.png"] == 1


async def test_a_pending_row_of_another_sidecar_never_replaces_an_ending(archive: Archive, host: PictureHost) -> None:
    batch = generated(ID, url=host.address("files/cat.png"))
    async with archive.archiver() as archiver:
        await archiver.handle(batch)
        await archive.ended()
    table = await ImagesTable.connect(archive.url)
    await table.add(jobs_of(batch.events(frozenset({"image_generated"})), batch.received_at))
    await table.close()
    assert [row["status"] for row in await archive.rows()] == ["stored"]


async def test_identical_pictures_are_stored_once(archive: Archive, host: PictureHost) -> None:
    async with archive.archiver() as archiver:
        await archiver.handle(generated(url=host.address("files/cat.png")))
        await archiver.handle(generated(data=host.files["cat.png"]))
        rows = await archive.ended(2)
    assert {row["status"] for row in rows} == {"stored"}
    assert len({row["key"] for row in rows}) == len(archive.files()) == 1


async def test_what_may_pass_is_tried_again_and_counted(archive: Archive, host: PictureHost) -> None:
    host.failures = [503, 500]
    async with archive.archiver() as archiver:
        await archiver.handle(generated(url=host.address("flaky")))
        (row,) = await archive.ended()
    assert (row["status"], row["attempts"], host.hits["/flaky"]) == ("stored", 3, 3)
    assert archive.metrics.value(telemetry.IMAGE_RETRIES, source="url") == 2


@pytest.mark.parametrize(
    ("path", "reason", "hits"),
    [
        ("status/404", "answered 404", 1),
        ("status/500", "answered 500 (given up after 3 tries)", 3),
        ("files/page.png", "not a JPEG, PNG, WebP or GIF", 1),
        ("endless", "larger than", 1),
    ],
)
async def test_what_fails_ends_with_a_reason(
    path: str, reason: str, hits: int, archive: Archive, host: PictureHost
) -> None:
    async with archive.archiver(max_bytes=100_000) as archiver:
        await archiver.handle(generated(url=host.address(path)))
        (row,) = await archive.ended()
    assert (row["status"], row["attempts"], row["key"]) == ("failed", hits, "")
    assert reason in row["reason"]
    assert host.hits[f"/{path}"] == hits
    assert archive.files() == []
    assert archive.metrics.value(telemetry.IMAGES_FAILED, source="url") == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"url": "https://169.254.169.254/latest/meta-data"}, "not public"),
        ({"file_id": "AgAC"}, "CHATTRAIL_SIDECAR_IMAGES_TELEGRAM_TOKEN"),
        ({"data": b"GIF8 but no"}, "not a JPEG"),
        ({"data": picture(size=(200, 200))}, "more than 10000 pixels"),
        ({"data": picture("BMP", (70, 70))}, "larger than 12000 bytes"),
    ],
)
async def test_sources_that_can_not_be_kept(source: dict[str, object], reason: str, archive: Archive) -> None:
    async with archive.archiver(max_pixels=10_000, max_bytes=12_000) as archiver:
        await archiver.handle(generated(**source))
        (row,) = await archive.ended()
    assert row["status"] == "failed"
    assert reason in row["reason"]
    assert list(archive.spool.iterdir()) == []


async def test_events_without_a_picture_make_no_job(archive: Archive, host: PictureHost) -> None:
    url = {"chattrail.image.url": host.address("files/cat.png")}
    async with archive.archiver() as archiver:
        await archiver.handle(generated(id="no source", prompt="a cat"))
        await archiver.handle(batch_of(otlp.event("image_generated", **url, **{"error.type": "timeout"})))
        await archiver.handle(batch_of(otlp.event("image_generated", event_id="not-a-uuid", **url)))
        await archiver.handle(batch_of(otlp.event("image_refresh", **url)))
        await archiver.handle(generated(url=host.address("files/cat.jpg")))
        rows = await archive.ended()
    assert len(rows) == 1
    assert host.hits == {"/files/cat.jpg": 1}


async def test_more_jobs_than_memory_may_hold_all_end(archive: Archive, host: PictureHost) -> None:
    events = [
        otlp.event(
            "image_generated", event_id=str(uuid.uuid4()), **{"chattrail.image.url": host.address("files/cat.png")}
        )
        for _ in range(40)
    ]
    async with archive.archiver(queue_size=3, concurrency=2) as archiver:
        for start in range(0, 40, 10):
            await archiver.handle(batch_of(*events[start : start + 10]))
        rows = await archive.ended(40)
    assert {row["status"] for row in rows} == {"stored"}
    assert host.hits["/files/cat.png"] == 40


async def test_a_batch_of_thousands_of_pictures(archive: Archive) -> None:
    address = {"chattrail.image.url": "https://127.0.0.1/refused.png"}
    events = [otlp.event("image_generated", event_id=str(uuid.uuid4()), **address) for _ in range(4500)]
    archiver = archive.build()
    await archiver.start()
    await archiver.handle(batch_of(*events))
    await archiver.handle(batch_of(*events[:2000], *events[2500:]))
    await archiver.shutdown()
    assert len(await archive.rows()) == 4500


async def test_a_store_that_can_not_write_is_tried_again(archive: Archive) -> None:
    async with archive.archiver(attempts=1) as archiver:
        archive.pictures.rmdir()
        archive.pictures.write_text("a file where the folder should be")
        await archiver.handle(generated(data=picture()))
        (row,) = await archive.ended()
    assert "the directory store can't write" in row["reason"]


async def test_no_false_ack_when_the_spool_or_the_table_can_not_be_written(
    archive: Archive, clickhouse: EmbeddedClickHouse
) -> None:
    async with archive.archiver() as archiver:
        archive.spool.rmdir()
        archive.spool.write_text("a file where the folder should be")
        with pytest.raises(Retryable, match="spool can't be written"):
            await archiver.handle(generated(data=picture()))
        archive.spool.unlink()
        archive.client.command("RENAME TABLE images TO images_away")
        with pytest.raises(Retryable, match="images table can't be used now"):
            await archiver.handle(generated(url="https://example.org/cat.png"))
        archive.client.command("RENAME TABLE images_away TO images")
    assert await archive.rows() == []


async def test_start_waits_for_the_table(archive: Archive) -> None:
    archive.client.command("RENAME TABLE images TO images_away")
    archiver = archive.build()
    with pytest.raises(Retryable, match="images table can't be used now"):
        await archiver.start()
    with pytest.raises(Retryable, match="has not started"):
        await archiver.handle(generated(data=picture()))
    archive.client.command("RENAME TABLE images_away TO images")
    await archiver.start()
    await archiver.handle(generated(data=picture()))
    await archive.ended()
    await archiver.shutdown()


async def test_an_ending_outlasts_a_database_that_is_away(tmp_path: Path, host: PictureHost) -> None:
    server = EmbeddedClickHouse(tmp_path / "server", port=quiet_port())
    await asyncio.to_thread(server.start)
    try:
        with archive_on(server, tmp_path) as archive:
            async with archive.archiver() as archiver:
                host.failures = [503]
                await archiver.handle(generated(url=host.address("flaky")))
                await asyncio.to_thread(server.stop)
                await until(lambda: host.hits["/flaky"] >= 1)
                await asyncio.to_thread(server.start)
                (row,) = await archive.ended()
        assert row["status"] == "stored"
    finally:
        await asyncio.to_thread(server.stop)
