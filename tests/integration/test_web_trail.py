"""One person's trail: order, paging, every attribute, pictures."""

import io
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from PIL import Image

from tests.browser.stack import wait_until
from tests.embedded import EmbeddedClickHouse
from tests.otlp import event, uuid7
from tests.web_stage import WebStage, web_stage
from tests.web_support import BEARER, sign_in

BEGIN = int(datetime(2026, 5, 5, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9
TEXT = "<script>alert(1)</script> 'quoted' \\ {id:String} \u202e 🙂\nsecond line"


def make_trail() -> list[LogRecord]:
    """90 events of one person: bursts at the same instant, the same sequence twice, microseconds that matter."""
    chance = random.Random(5)
    made = []
    for number in range(90):
        at = BEGIN + number // 6 * 1_000_000 + (number % 2) * 1_000  # six share a millisecond, three an instant
        sequence = {"event.sequence": number // 2}
        kind = chance.choice(["user_message", "ai_message", "command"])
        made.append(event(kind, "42", at=at, **sequence, **{"chattrail.message.text": f"{number} {TEXT}"}))
    chance.shuffle(made)
    return made


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("trail")) as stage:
        records = make_trail()
        stage.send(records)
        stage.send(records[:40])  # doubles
        stage.send([event("user_message", "421", at=BEGIN)])  # somebody with a similar id
        yield stage


@pytest.fixture(scope="module")
def client(stage: WebStage) -> FlaskClient:
    return stage.app().test_client()


def trail(client: FlaskClient, person: str = "42", status: int = 200, **query: Any) -> dict[str, Any]:
    path = f"/api/analytics/users/{quote(person, safe='')}/events"
    answer = client.get(path, query_string=query, headers=BEARER)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_paging_shows_every_event_once_in_order(client: FlaskClient, order: str) -> None:
    whole = trail(client, order=order, limit=200)
    assert whole["next_cursor"] is None
    assert len({e["id"] for e in whole["events"]}) == len(whole["events"]) == 90
    places = [(e["at"], e["sequence"]) for e in whole["events"]]
    assert places == sorted(places, reverse=order == "desc")
    for limit in (1, 4, 30, 89, 90):
        found, cursor = [], None
        while True:
            page = trail(client, order=order, limit=limit, **({"cursor": cursor} if cursor else {}))
            found += page["events"]
            cursor = page["next_cursor"]
            if not cursor:
                break
            assert len(page["events"]) == limit
        assert found == whole["events"]


def test_newest_first_by_default_with_the_person(client: FlaskClient) -> None:
    page = trail(client)
    assert page["client_id"] == page["user"]["client_id"] == "42"
    assert len(page["events"]) == 50
    assert page["events"][0]["at"] == "2026-05-05T23:59:59.014001Z"
    assert page["user"]["last_seen"] == "2026-05-05T23:59:59.014000Z"


def test_text_comes_back_as_it_was(client: FlaskClient) -> None:
    for found in trail(client, limit=200)["events"]:
        assert found["text"].endswith(TEXT)
        assert found["attributes"]["chattrail.message.text"] == found["text"]
        assert found["image"] is None
        assert found["error"] is None


def test_later_events_do_not_shift_a_page(stage: WebStage, client: FlaskClient) -> None:
    first = trail(client, limit=30)
    stage.send([event("user_message", "42", at=BEGIN + 3600 * 10**9)])
    after = trail(client, limit=200, cursor=first["next_cursor"])
    assert len(first["events"]) + len(after["events"]) == 90
    assert not {e["id"] for e in first["events"]} & {e["id"] for e in after["events"]}


def test_a_cursor_fits_only_its_person_and_order(stage: WebStage, client: FlaskClient) -> None:
    cursor = trail(client, limit=2)["next_cursor"]
    for person, query in (("421", {}), ("42", {"order": "asc"})):
        assert trail(client, person, 400, cursor=cursor, **query)["parameter"] == "cursor"
    other = stage.app(secret_key="another-key-0123456789-abcdefghijkl").test_client()
    assert trail(other, "42", 400, cursor=cursor)["parameter"] == "cursor"


@pytest.mark.parametrize(
    "person", ["43", "4", "42 ", "' OR 1=1 --", "42' OR '1'='1", "%", "\\", "{id:String}", "x" * 3000]
)
def test_an_unknown_person_is_a_404(client: FlaskClient, person: str) -> None:
    problem = trail(client, person, 404)
    assert problem["type"] == "urn:chattrail:problem:unknown-person"


@pytest.mark.parametrize("query", ["limit=0", "limit=999", "order=up", "cursor=x", "sort=name"])
def test_a_bad_parameter_is_named(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/analytics/users/42/events?{query}", headers=BEARER)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["parameter"] == query.partition("=")[0]


def test_every_attribute_is_there_and_failures_are_told(stage: WebStage, client: FlaskClient) -> None:
    at = BEGIN + 10**9
    place = {
        "session.id": "s-1",
        "telegram.chat.id": -1_001_234_567_890,
        "telegram.update.id": 99,
        "telegram.message.id": 7,
        "chattrail.persona.id": "luna",
        "chattrail.story.id": "sea",
    }
    stage.send(
        [
            event(
                "ai_message",
                "attr",
                at=at,
                **place,
                **{"event.sequence": 1, "error.type": "timeout", "made.up": "kept", "empty": ""},
            ),
            event("handler_failed", "attr", at=at + 1000, **{"event.sequence": 2, "exception.message": "boom"}),
        ]
    )
    failed, answered = trail(client, "attr")["events"]
    assert (failed["type"], failed["error"]) == ("handler_failed", "boom")
    attributes = answered.pop("attributes")
    assert attributes["made.up"] == "kept"
    assert attributes["telegram.chat.id"] == "-1001234567890"
    assert "empty" not in attributes
    uuid.UUID(answered.pop("id"))
    assert answered == {
        "type": "ai_message",
        "at": "2026-05-06T00:00:00.000000Z",
        "sequence": 1,
        "session_id": "s-1",
        "chat_id": "-1001234567890",
        "update_id": 99,
        "message_id": 7,
        "persona_id": "luna",
        "story_id": "sea",
        "text": "",
        "image": None,
        "error": "timeout",
    }


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 9), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def pictured(stage: WebStage, client: FlaskClient) -> dict[str, str]:
    """Ids of two events: one with a picture that is stored, one whose bytes are none."""
    ids = {"good": uuid7(BEGIN // 10**6), "bad": uuid7(BEGIN // 10**6)}
    data = {"good": png(), "bad": b"<svg onload=alert(1)>"}
    stage.send(
        [
            event("image_generated", "pic", at=BEGIN, event_id=ids[name], **{"chattrail.image.data": data[name]})
            for name in ids
        ]
    )

    def settled() -> bool:
        images = {e["id"]: e["image"] for e in trail(client, "pic")["events"]}
        return all(image and image["status"] in ("stored", "failed") for image in images.values())

    wait_until(settled)
    return ids


def test_a_picture_is_served_to_who_is_in(stage: WebStage, client: FlaskClient, pictured: dict[str, str]) -> None:
    images = {e["id"]: e["image"] for e in trail(client, "pic")["events"]}
    good = images[pictured["good"]]
    assert good == {
        "status": "stored",
        "url": f"/images/{pictured['good']}",
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


def test_bytes_that_are_no_picture_have_a_reason_and_no_address(
    stage: WebStage, client: FlaskClient, pictured: dict[str, str]
) -> None:
    bad = {e["id"]: e["image"] for e in trail(client, "pic")["events"]}[pictured["bad"]]
    assert (bad["status"], bad["url"]) == ("failed", None)
    assert bad["reason"]
    browser = stage.app().test_client()
    sign_in(browser)
    assert browser.get(f"/images/{pictured['bad']}").status_code == 404


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
