"""The three stores over their real wires: Cloudflare's API on loopback, an S3 server, a folder."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugin import Clock, Context
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores import build_store
from sidecar.plugins.images.stores.base import Store, StorePausedError
from sidecar.telemetry.metrics import Metrics
from stack.simulators.cloudflare.server import CloudflareServer
from tests.support.s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server
from tests.support.uploads import FORMATS, Notes, photograph, upload_of

STORES = ("directory", "cloudflare_images", "s3")


@dataclass
class Place:
    """A store's settings, and the images that its far end holds."""

    settings: dict[str, Any]
    held: Callable[[], list[bytes]]


@contextlib.asynccontextmanager
async def place(kind: str, folder: Path) -> AsyncIterator[Place]:
    if kind == "directory":
        images = folder / "pictures"
        yield Place({"directory": images}, lambda: [path.read_bytes() for path in images.rglob("*") if path.is_file()])
    elif kind == "s3":
        async with S3Server(folder / "s3") as server:
            settings = {
                "s3_endpoint": server.url,
                "s3_bucket": BUCKET,
                "s3_prefix": "chats/pictures",
                "s3_access_key_id": ACCESS_KEY,
                "s3_secret_access_key": SECRET_KEY,
            }
            yield Place(settings, lambda: list(server.objects().values()))
    else:
        async with CloudflareServer() as cloudflare:
            settings = {
                "cloudflare_account_id": cloudflare.account_id,
                "cloudflare_api_token": cloudflare.token,
                "cloudflare_api_url": cloudflare.api_url,
            }
            yield Place(settings, lambda: [record.content or b"" for record in cloudflare.images.records.values()])


@contextlib.asynccontextmanager
async def store_of(kind: str, settings: dict[str, Any], folder: Path) -> AsyncIterator[Store]:
    config = ImagesSettings.model_validate({"store": kind, **settings})
    context = Context(Clock(), logging.getLogger("sidecar.images"), Metrics(), folder / "data")
    store = build_store(config, context)
    await store.start()
    await store.start()
    try:
        yield store
    finally:
        await store.close()
        await store.close()


@pytest.mark.parametrize("kind", STORES)
async def test_photographs_of_every_format_are_kept_once_and_can_be_erased(kind: str, tmp_path: Path) -> None:
    async with place(kind, tmp_path) as there, store_of(kind, there.settings, tmp_path) as store:
        assert store.name == kind
        notes, keys = Notes(), {}
        for form in FORMATS:
            keys[form] = await store.put(photograph(form), notes.take)
        assert len(set(keys.values())) == len(FORMATS)
        assert sorted(there.held()) == sorted(photograph(form).content for form in FORMATS)
        for key in keys.values():
            assert await store.settle(key)
        for key in keys.values():
            await store.delete(key)
            await store.delete(key)
            assert not await store.settle(key)
        assert not there.held()


@pytest.mark.parametrize("kind", ["cloudflare_images", "s3"])
async def test_the_key_is_noted_before_any_byte_leaves(kind: str, tmp_path: Path) -> None:
    async def refuse(key: str) -> None:
        raise RetryableError("the journal's disk is full")

    async with place(kind, tmp_path) as there, store_of(kind, there.settings, tmp_path) as store:
        with pytest.raises(RetryableError, match="disk is full"):
            await store.put(photograph(), refuse)
        assert not there.held()
        notes = Notes()
        key = await store.put(photograph(), notes.take)
        assert notes == [key]


@pytest.mark.parametrize("kind", STORES)
async def test_a_key_leads_nowhere_else(kind: str, tmp_path: Path) -> None:
    async with place(kind, tmp_path) as there, store_of(kind, there.settings, tmp_path) as store:
        for key in ("../../etc/passwd", "", "a/b", "..", "x?y=z", "%2e%2e", "x\n"):
            for use in (store.settle, store.delete):
                with pytest.raises(PermanentError, match="not a key"):
                    await use(key)


@pytest.mark.parametrize("kind", ["cloudflare_images", "s3"])
async def test_wrong_credentials_pause_the_queue_and_are_named_without_their_value(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = {"cloudflare_images": "cloudflare_api_token", "s3": "s3_secret_access_key"}[kind]
    async with place(kind, tmp_path) as there:
        async with store_of(kind, {**there.settings, secret: "CANARY-of-a-secret"}, tmp_path) as store:
            with pytest.raises(StorePausedError, match=secret.rpartition("_")[0].upper()) as error:
                await store.put(photograph(), Notes().take)
            seen = "".join(map(repr, (store, vars(store).get("_config"), error.value, error.value.reason)))
        assert not there.held()
    assert error.value.after >= 60
    assert "CANARY" not in seen + caplog.text


async def test_s3_a_missing_bucket_pauses_and_a_missing_service_is_tried_again(tmp_path: Path) -> None:
    async with S3Server(tmp_path / "s3") as server:
        settings = {"s3_endpoint": server.url, "s3_access_key_id": ACCESS_KEY, "s3_secret_access_key": SECRET_KEY}
        async with store_of("s3", {**settings, "s3_bucket": "another"}, tmp_path) as store:
            with pytest.raises(StorePausedError, match="no such bucket"):
                await store.put(photograph(), Notes().take)
        await server.stop()
        settings |= {"s3_bucket": BUCKET, "store_timeout_s": "3"}
        async with store_of("s3", settings, tmp_path) as store:
            with pytest.raises(RetryableError, match="S3 service"):
                await store.put(photograph(), Notes().take)


async def test_s3_what_another_put_there_stays(tmp_path: Path) -> None:
    async with place("s3", tmp_path) as there, store_of("s3", there.settings, tmp_path) as store:
        notes = Notes()
        first, second = await store.put(photograph(), notes.take), await store.put(photograph(), notes.take)
        assert (notes, second) == ([first], first)  # the second put found it and sent nothing
        assert len(there.held()) == 1


@pytest.mark.parametrize(
    ("size", "bytes_", "reason"),
    [((12_001, 10), 10, "12000 pixels"), ((11_000, 11_000), 10, "100 megapixels"), ((10, 10), 10_000_001, "10 MB")],
)
async def test_cloudflare_what_is_over_its_limits_is_given_up_without_asking(
    size: tuple[int, int], bytes_: int, reason: str, tmp_path: Path
) -> None:
    async with CloudflareServer() as cloudflare:
        settings = {
            "cloudflare_account_id": cloudflare.account_id,
            "cloudflare_api_token": cloudflare.token,
            "cloudflare_api_url": cloudflare.api_url,
        }
        async with store_of("cloudflare_images", settings, tmp_path) as store:
            with pytest.raises(PermanentError, match=reason):
                await store.put(upload_of(bytes(bytes_), "image/png", "png", *size), Notes().take)
        assert not cloudflare.answers
