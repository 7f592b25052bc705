"""The images of a trail: served to who is signed in, and nothing else of the disk."""

import io
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.browser.stack import wait_until
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 9), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("pictures")) as stage:
        yield stage


@pytest.fixture(scope="module")
def client(stage: WebStage) -> FlaskClient:
    return stage.app().test_client()


def images(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/analytics/users/pic/events", headers=BEARER)
    assert answer.json is not None
    return {event["id"]: event["image"] for event in answer.json["events"]}


@pytest.fixture(scope="module")
def sent(stage: WebStage, client: FlaskClient) -> dict[str, str]:
    """Ids of two events: one with an image that is stored, one whose bytes are none."""
    ids = {"good": str(uuid.uuid4()), "bad": str(uuid.uuid4())}
    data = {"good": png(), "bad": b"<svg onload=alert(1)>"}
    stage.send(
        [event("image_generated", "pic", {"chattrail.image.data": data[name]}, event_id=ids[name]) for name in ids]
    )

    def settled() -> bool:
        return all(image and image["status"] in ("stored", "failed") for image in images(client).values())

    wait_until(settled)
    return ids


def test_an_image_is_served_to_who_is_in(stage: WebStage, client: FlaskClient, sent: dict[str, str]) -> None:
    good = images(client)[sent["good"]]
    assert good == {
        "status": "stored",
        "url": f"/images/{sent['good']}",
        "thumbnail_url": f"/images/{sent['good']}",
        "content_type": "image/png",
        "width": 16,
        "height": 9,
        "reason": "",
    }
    browser = stage.app().test_client()
    assert browser.get(good["url"]).location.startswith("/login")
    sign_in(browser)
    with browser.get(good["url"]) as answer:
        assert answer.status_code == 200
        assert answer.data == png()
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        etag = answer.headers["ETag"]
    with browser.get(good["url"], headers={"If-None-Match": etag}) as again:
        assert again.status_code == 304
    assert again.data == b""


def test_bytes_that_are_no_image_have_a_reason_and_no_address(
    stage: WebStage, client: FlaskClient, sent: dict[str, str]
) -> None:
    bad = images(client)[sent["bad"]]
    assert (bad["status"], bad["url"]) == ("failed", None)
    assert bad["reason"]
    browser = stage.app().test_client()
    sign_in(browser)
    assert browser.get(f"/images/{sent['bad']}").status_code == 404


@pytest.mark.parametrize(
    ("row", "status"),
    [
        ({"key": "../secret.png"}, 404),
        ({"key": "/etc/hostname"}, 404),
        ({"key": "link.png"}, 404),
        ({"key": "missing.png"}, 404),
        ({"key": ""}, 404),
        ({"key": "page.html", "content_type": "text/html"}, 404),
        ({"key": "picture.svg", "content_type": "image/svg+xml"}, 404),
        ({"key": "here.png", "store": "cloudflare"}, 404),
        ({"key": "here.png", "status": "pending"}, 404),
        ({"key": "here.png", "status": "erased"}, 410),
        ({"key": "here.png"}, 200),
    ],
)
def test_nothing_outside_the_directory_is_served(stage: WebStage, row: dict[str, str], status: int) -> None:
    stage.images.mkdir(exist_ok=True)
    (stage.folder / "secret.png").write_bytes(png())
    for name in ("page.html", "picture.svg", "here.png"):
        (stage.images / name).write_bytes(png())
    (stage.images / "link.png").unlink(missing_ok=True)
    (stage.images / "link.png").symlink_to(stage.folder / "secret.png")
    given = {
        "event_id": str(uuid.uuid4()),
        "status": "stored",
        "store": "directory",
        "content_type": "image/png",
        **row,
    }
    stage.client.insert("images", [list(given.values())], column_names=list(given))
    browser = stage.app().test_client()
    sign_in(browser)
    with browser.get(f"/images/{given['event_id']}") as answer:
        assert answer.status_code == status
        assert (answer.headers["Content-Type"] == "image/png") == (status == 200)


@pytest.mark.parametrize("name", ["x", "..%2f..%2fsecret.png", "00000000-0000-0000-0000-000000000000"])
def test_an_image_that_is_none_is_a_404(stage: WebStage, name: str) -> None:
    browser = stage.app().test_client()
    sign_in(browser)
    assert browser.get(f"/images/{name}").status_code == 404


@pytest.mark.parametrize(
    ("content_type", "disposition", "shown"),
    [
        ("audio/ogg", "inline", '<audio class="bubble-player" controls preload="none" src="{url}"'),
        ("video/mp4", "inline", '<video class="bubble-player" controls preload="none" src="{url}"'),
        ("application/octet-stream", "attachment", '<a href="{url}" download>'),
    ],
)
def test_another_file_is_played_or_saved(
    stage: WebStage, client: FlaskClient, content_type: str, disposition: str, shown: str
) -> None:
    event_id = str(uuid.uuid4())
    named = {"chattrail.message.kind": "voice", "chattrail.file.id": "AwAC"}
    stage.send([event("user_message", f"file-{disposition}-{content_type[:3]}", named, event_id=event_id)])
    stage.images.mkdir(exist_ok=True)
    (stage.images / "file.bin").write_bytes(b"OggS" + bytes(100))
    stage.archived("directory", "file.bin", event_id=event_id, content_type=content_type)
    browser = stage.app().test_client()
    sign_in(browser)
    page = browser.get(f"/analytics/users/file-{disposition}-{content_type[:3]}").text
    assert shown.format(url=f"/images/{event_id}") in page
    with browser.get(f"/images/{event_id}", headers={"Range": "bytes=0-3"}) as answer:
        assert (answer.status_code, answer.data) == (206, b"OggS")
        assert answer.headers["Content-Type"] == content_type
        assert answer.headers["Content-Disposition"] == disposition
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
