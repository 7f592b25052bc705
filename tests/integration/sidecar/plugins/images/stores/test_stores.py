"""The image archiver with each store behind it: from an event to the store, to the row that pages read, and to erasure."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stack.simulators.cloudflare.server import CloudflareServer
from stack.simulators.cloudflare.wire import Fault
from tests.support.archives import Archive, generated
from tests.support.receivers import until
from tests.support.s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server
from tests.support.uploads import FORMATS, photograph


def cloudflare_settings(server: CloudflareServer) -> dict[str, Any]:
    return {
        "store": "cloudflare_images",
        "cloudflare_account_id": server.account_id,
        "cloudflare_api_token": server.token,
        "cloudflare_api_url": server.api_url,
    }


async def test_cloudflare_keeps_one_image_for_each_through_faults(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with CloudflareServer(token="CANARY-token") as server:
        server.fail(Fault("lost", "upload"), Fault("cut", "upload"), Fault("error", "details", code=5540))
        server.fail(Fault("error", "direct_upload", code=5500))
        async with archive.archiver(**cloudflare_settings(server), attempts=12) as archiver:
            for form in (*FORMATS, "JPEG"):  # the last is an image that is there already
                await archiver.handle(generated(data=photograph(form).content))
            rows = await archive.ended(5)
        assert {(row["status"], row["store"]) for row in rows} == {("stored", "cloudflare_images")}
        held = {record.id: record.content for record in server.images.records.values()}
        assert {row["key"]: row["sha256"] for row in rows} == {
            key: hashlib.sha256(content or b"").hexdigest() for key, content in held.items()
        }
        assert len(held) == len(FORMATS)
        assert all(record.private for record in server.images.records.values())
    assert "CANARY" not in caplog.text + str(rows) + str(archive.journalled())


async def test_cloudflare_that_is_away_costs_no_try(
    archive: Archive, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.plugins.images.upload.uploader.AWAY_S", 0.1)
    async with CloudflareServer() as server:
        settings = cloudflare_settings(server)
    port = urlsplit(server.api_url).port
    assert port is not None
    async with archive.archiver(**settings, attempts=1) as archiver:
        await archiver.handle(generated(data=photograph().content))
        await until(lambda: "ALL IMAGES WAIT: Cloudflare can't be reached" in caplog.text)
        async with CloudflareServer(port=port) as server:
            (row,) = await archive.ended()
            assert row["status"] == "stored"
            assert len(server.images.finished()) == 1


async def test_cloudflare_wrong_token_is_logged_once_and_costs_no_attempt(
    archive: Archive, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.plugins.images.stores.cloudflare_errors.ACCOUNT_S", 0.2)
    async with CloudflareServer() as server:
        settings = cloudflare_settings(server)
        async with archive.archiver(**{**settings, "cloudflare_api_token": "CANARY-wrong"}) as archiver:
            for form in FORMATS:
                await archiver.handle(generated(data=photograph(form).content))
            await until(lambda: server.answers["direct_upload", 401] >= 3)
        errors = [record for record in caplog.records if "CLOUDFLARE_API_TOKEN" in record.getMessage()]
        assert [record.levelname for record in errors] == ["ERROR"]
        assert "CANARY" not in caplog.text
        assert {(job["state"], job["attempts"]) for job in archive.journalled()} == {("pending", 0)}
        async with archive.archiver(**settings):
            assert {row["status"] for row in await archive.ended(len(FORMATS))} == {"stored"}
        assert len(server.images.finished()) == len(server.images.records) == len(FORMATS)


async def test_s3_keeps_photographs_of_every_format(archive: Archive, tmp_path: Path) -> None:
    async with S3Server(tmp_path / "s3") as server:
        settings = {
            "store": "s3",
            "s3_endpoint": server.url,
            "s3_bucket": BUCKET,
            "s3_access_key_id": ACCESS_KEY,
            "s3_secret_access_key": SECRET_KEY,
        }
        async with archive.archiver(**settings) as archiver:
            for form in FORMATS:
                await archiver.handle(generated(data=photograph(form).content))
            rows = await archive.ended(len(FORMATS))
        assert {(row["status"], row["store"]) for row in rows} == {("stored", "s3")}
        objects = server.objects()
        assert {row["key"]: row["bytes"] for row in rows} == {key: len(content) for key, content in objects.items()}
        # as they came but for their metadata
        assert {row["sha256"] for row in rows} == {hashlib.sha256(content).hexdigest() for content in objects.values()}
        sizes = {(row["content_type"], row["width"], row["height"]) for row in rows}
        assert sizes == {(one.media_type, one.width, one.height) for one in map(photograph, FORMATS)}
