"""Images at Cloudflare and in S3, as pages link to them: real servers judge the links."""

import io
import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from flask.testing import FlaskClient
from PIL import Image
from yarl import URL

from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.s3 import BucketStore
from stack.simulators.cloudflare.server import CloudflareServer
from tests.support.clock import FakeClock
from tests.support.cloudflare_store import cloudflare_store, keep
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server
from tests.support.uploads import Notes, photograph
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in

PERSON = itertools.count(1)


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("gallery")) as stage:
        yield stage


def signed_in(stage: WebStage, clock: FakeClock | None = None, /, **changes: str) -> FlaskClient:
    client = stage.app(clock, **changes).test_client()
    sign_in(client)
    return client


async def fetch(address: str) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(URL(address, encoded=True)) as answer:
        return answer.status, answer.content_type, await answer.read()


def at(server: CloudflareServer) -> dict[str, str]:
    return {
        "cloudflare_account_hash": server.account_hash,
        "cloudflare_signing_key": server.signing_key,
        "cloudflare_thumbnail_variant": "thumbnail",
        "cloudflare_delivery_url": server.delivery_url,
    }


async def test_cloudflare_accepts_a_link_until_it_expires(
    stage: WebStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    clock = FakeClock()
    async with CloudflareServer(clock=clock.time) as server:
        async with cloudflare_store(server, tmp_path, clock) as store:
            event_id = stage.archived("cloudflare_images", await keep(store, Notes()))
        app = stage.app(FakeClock(clock.now()), **at(server))
        stranger, client = app.test_client(), app.test_client()
        assert stranger.get(f"/images/{event_id}").location.startswith("/login")
        sign_in(client)
        answer = client.get(f"/images/{event_id}")
        assert (answer.status_code, answer.data) == (302, b"")
        assert answer.headers["Cache-Control"] == "private, max-age=150"
        assert answer.headers["Vary"] == "Cookie"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert (
            f"img-src 'self' data: {server.delivery_url};"
            in client.get("/analytics").headers["Content-Security-Policy"]
        )
        link = answer.headers["Location"]
        assert await fetch(link) == (200, "image/jpeg", photograph().content)
        small = client.get(f"/images/{event_id}?size=thumbnail").headers["Location"]
        status, _, content = await fetch(small)
        assert status == 200
        assert max(Image.open(io.BytesIO(content)).size) == 320
        assert client.get(f"/images/{event_id}?size=huge").status_code == 400

        image_id, variant = urlsplit(link).path.split("/")[2:]
        for changed in (
            link.replace(variant, "thumbnail"),
            link.replace("exp=1", "exp=2"),
            link[:-1] + ("0" if link[-1] != "0" else "1"),
            link.partition("&sig=")[0],
            link.partition("?")[0],
        ):
            assert (await fetch(changed))[0] == 403, changed
        clock.advance(149)  # the redirect may be used for so long
        assert (await fetch(link))[0] == 200
        clock.advance(151)
        assert (await fetch(link))[0] == 403
        assert "sig=" not in caplog.text
        assert image_id not in caplog.text


async def test_the_s3_server_serves_a_presigned_link(
    stage: WebStage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with S3Server(tmp_path) as server:
        config = ImagesSettings(
            store="s3",
            s3_bucket=BUCKET,
            s3_prefix="chats",
            s3_endpoint=server.url,
            s3_access_key_id=ACCESS_KEY,
            s3_secret_access_key=SECRET_KEY,
        )
        store = BucketStore(config)
        await store.start()
        key = await store.put(photograph("PNG"), Notes().take)
        await store.close()
        event_id = stage.archived("s3", key, content_type="image/png")
        given = {"s3_bucket": BUCKET, "s3_prefix": "chats", "s3_endpoint": server.url, "s3_access_key_id": ACCESS_KEY}
        client = signed_in(stage, s3_secret_access_key=SECRET_KEY, **given)
        answer = client.get(f"/images/{event_id}?size=thumbnail")
        assert (answer.status_code, answer.data) == (302, b"")
        assert answer.headers["Cache-Control"] == "private, max-age=150"
        link = answer.headers["Location"]
        assert await fetch(link) == (200, "image/png", photograph("PNG").content)
        assert SECRET_KEY not in link
        for changed in (link.replace("X-Amz-Expires=300", "X-Amz-Expires=900"), link.partition("?")[0]):
            assert (await fetch(changed))[0] in (400, 403), changed
        assert "X-Amz" not in caplog.text


def test_a_store_that_is_not_set_up_says_so(stage: WebStage) -> None:
    who = f"gallery-{next(PERSON)}"
    ids = [str(uuid.uuid4()) for _ in range(3)]
    stage.send([event("image_generated", who, event_id=each) for each in ids])
    for event_id, store in zip(ids, ("s3", "cloudflare_images", "attic"), strict=True):
        stage.archived(store, "x", event_id=event_id)
    client = signed_in(stage)
    answer = client.get(f"/api/analytics/users/{who}/events", headers=BEARER).json
    assert answer is not None
    images = {each["id"]: each["image"] for each in answer["events"]}
    for event_id, setting in zip(ids, ("CHATTRAIL_WEB_S3_BUCKET", "CLOUDFLARE_ACCOUNT_HASH", "another"), strict=True):
        assert (images[event_id]["url"], images[event_id]["thumbnail_url"]) == (None, None)
        assert setting in images[event_id]["reason"]
        missing = client.get(f"/images/{event_id}")
        assert missing.status_code == 404
        assert setting in missing.text
    page = client.get(f"/analytics/users/{who}").text
    assert page.count('data-image="stored"') == 3


def test_the_trail_links_small_and_large(stage: WebStage) -> None:
    who, event_id = f"gallery-{next(PERSON)}", str(uuid.uuid4())
    stage.send([event("image_generated", who, event_id=event_id)])
    stage.archived("cloudflare_images", "an-id", event_id=event_id, width=400, height=300)
    keys = {"cloudflare_account_hash": "hash", "cloudflare_signing_key": "key"}
    page = signed_in(stage, **keys).get(f"/analytics/users/{who}").text
    assert f'href="/images/{event_id}"' in page
    assert f'<img src="/images/{event_id}?size=thumbnail" width="400" height="300" loading="lazy"' in page
    assert "imagedelivery" not in page  # no signed link in a page: it would be old when somebody clicks


def test_reasons_are_for_admins(stage: WebStage, monkeypatch: pytest.MonkeyPatch) -> None:
    who, event_id = f"gallery-{next(PERSON)}", str(uuid.uuid4())
    stage.send([event("image_generated", who, event_id=event_id)])
    stage.archived("", "", event_id=event_id, status="failed", reason="REASON-CANARY")
    client = signed_in(stage)
    for address in (f"/analytics/users/{who}", "/analytics?range=all"):
        assert "REASON-CANARY" in client.get(address).text
    monkeypatch.setattr("web.pages.template_context.is_admin", lambda: False)
    for address, text in ((f"/analytics/users/{who}", "could not be saved"), ("/analytics?range=all", "Not kept")):
        page = client.get(address).text
        assert text in page
        assert "REASON-CANARY" not in page


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [("pending", 404, "not stored yet"), ("failed", 404, "failed"), ("erased", 410, "erased")],
)
@pytest.mark.parametrize("store", ["", "cloudflare_images", "s3", "directory"])
def test_what_is_not_there_is_told_in_words(stage: WebStage, store: str, status: str, code: int, says: str) -> None:
    event_id = stage.archived(store, "", status=status)
    keys = {"cloudflare_account_hash": "hash", "cloudflare_signing_key": "key", "s3_bucket": "b"}
    answer = signed_in(stage, **keys).get(f"/images/{event_id}")
    assert answer.status_code == code
    assert "Location" not in answer.headers
    assert says in answer.text
