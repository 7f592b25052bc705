"""Images that can not be had or kept, and stores that are away: each ends with a reason, none is lost."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import RetryableError
from sidecar.telemetry import metrics as telemetry
from tests.support.archives import Archive, archive_on, generated
from tests.support.embedded import EmbeddedClickHouse
from tests.support.image_host import ImageHost, image_bytes
from tests.support.receivers import quiet_port, until


async def test_what_may_pass_is_tried_again_and_counted(archive: Archive, host: ImageHost) -> None:
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
    path: str, reason: str, hits: int, archive: Archive, host: ImageHost
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
        ({"data": image_bytes(size=(200, 200))}, "more than 10000 pixels"),
        ({"data": image_bytes("BMP", (70, 70))}, "larger than 12000 bytes"),
    ],
)
async def test_sources_that_can_not_be_kept(source: dict[str, Any], reason: str, archive: Archive) -> None:
    async with archive.archiver(max_pixels=10_000, max_bytes=12_000) as archiver:
        await archiver.handle(generated(**source))
        (row,) = await archive.ended()
    assert row["status"] == "failed"
    assert reason in row["reason"]
    assert list(archive.spool.iterdir()) == []


async def test_a_store_that_can_not_write_holds_all_up_and_costs_no_try(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    async with archive.archiver(attempts=1) as archiver:
        await until(archive.images.exists)
        archive.images.rmdir()
        archive.images.write_text("a file where the folder should be")
        await archiver.handle(generated(data=image_bytes()))
        await until(lambda: "ALL IMAGES WAIT: the directory store can't write" in caplog.text)
        archive.images.unlink()
        (row,) = await archive.ended()
    assert row["status"] == "stored"


async def test_no_false_ack_when_the_spool_can_not_be_written(archive: Archive) -> None:
    async with archive.archiver() as archiver:
        archive.spool.rmdir()
        archive.spool.write_text("a file where the folder should be")
        with pytest.raises(RetryableError, match="spool can't be written"):
            await archiver.handle(generated(data=image_bytes()))
        assert archive.journalled() == []


async def test_without_the_table_images_are_taken_and_archived_and_shown_later(archive: Archive) -> None:
    async with archive.archiver() as archiver:
        await archiver.handle(generated(data=image_bytes()))
        await archive.ended()
        archive.client.command("RENAME TABLE images TO images_away")
        await archiver.handle(generated(data=image_bytes("GIF")))
        await until(lambda: [row["state"] for row in archive.journalled()] == ["stored", "stored"])
        assert len(list(archive.spool.iterdir())) == 1  # a journal that is damaged now would need its bytes again
        archive.client.command("RENAME TABLE images_away TO images")
        assert [row["status"] for row in await archive.ended(2)] == ["stored", "stored"]
        await until(lambda: not list(archive.spool.iterdir()))


async def test_a_new_journal_takes_images_before_the_table_is_there(archive: Archive) -> None:
    archive.client.command("RENAME TABLE images TO images_away")
    archiver = archive.build()
    with pytest.raises(RetryableError, match="has not started"):
        await archiver.handle(generated(data=image_bytes()))
    await archiver.start()
    await archiver.handle(generated(data=image_bytes()))
    assert [row["state"] for row in archive.journalled()] == ["pending"]
    archive.client.command("RENAME TABLE images_away TO images")
    await archive.ended()
    await archiver.shutdown()


async def test_an_ending_comes_without_the_database_and_is_shown_when_it_is_back(
    tmp_path: Path, host: ImageHost
) -> None:
    server = EmbeddedClickHouse(tmp_path / "server", port=quiet_port())
    await asyncio.to_thread(server.start)
    try:
        with archive_on(server, tmp_path) as archive:
            async with archive.archiver() as archiver:
                host.failures = [503]
                await archiver.handle(generated(url=host.address("flaky")))
                await until(lambda: host.hits["/flaky"] >= 1)
                await asyncio.to_thread(server.stop)
                await until(lambda: [job["state"] for job in archive.journalled()] == ["stored"])
                await asyncio.to_thread(server.start)
                (row,) = await archive.ended()
        assert row["status"] == "stored"
    finally:
        await asyncio.to_thread(server.stop)
