"""One person's trail: order, paging, every attribute."""

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER

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
        made.append(event(kind, "42", {**sequence, "chattrail.message.text": f"{number} {TEXT}"}, at=at))
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
    for limit, far in ((1, 18), (7, 90), (30, 90), (89, 90), (90, 90)):  # 18: each two neighbours there can be
        found: list[dict[str, Any]] = []
        cursor = None
        while len(found) < far:
            page = trail(client, order=order, limit=limit, **({"cursor": cursor} if cursor else {}))
            found += page["events"]
            cursor = page["next_cursor"]
            assert bool(cursor) is (len(found) < 90)
            assert len(page["events"]) == limit or not cursor
        assert found == whole["events"][:far]


def test_a_page_does_not_cut_an_album_in_two(stage: WebStage, client: FlaskClient) -> None:
    albums = [None, "a", "a", "a", None, "b", "b"]
    sent = [{"telegram.message.media_group_id": album} if album else {} for album in albums]
    stage.send([event("user_message", "77", extra, at=BEGIN + number * 10**9) for number, extra in enumerate(sent)])
    for limit, lengths in ((3, [1, 3, 3]), (2, [1, 2, 2, 2]), (6, [5, 2]), (7, [7])):
        found, cursor = [], ""
        while cursor is not None:
            page = trail(client, "77", order="asc", limit=limit, cursor=cursor)
            found.append([each["attributes"].get("telegram.message.media_group_id") for each in page["events"]])
            cursor = page["next_cursor"]
        assert [len(each) for each in found] == lengths, limit
        assert [*chain.from_iterable(found)] == albums


def test_newest_first_by_default_with_the_person(client: FlaskClient) -> None:
    page = trail(client)
    assert page["client_id"] == page["user"]["client_id"] == "42"
    assert len(page["events"]) == 50
    assert page["events"][0]["at"] == "2026-05-05T23:59:59.014001Z"
    assert page["user"]["last_seen"] == "2026-05-05T23:59:59.014000Z"


def test_text_comes_back_as_it_was(client: FlaskClient) -> None:
    events = trail(client, limit=200)["events"]
    assert events
    for found in events:
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
                {**place, "event.sequence": 1, "error.type": "timeout", "made.up": "kept", "empty": ""},
                at=at,
            ),
            event("handler_failed", "attr", {"event.sequence": 2, "exception.message": "boom"}, at=at + 1000),
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
        "time_source": "event",
    }


def test_what_has_come_since_is_read_by_the_previous_cursor(stage: WebStage, client: FlaskClient) -> None:
    stage.send([event("user_message", "since", {"event.sequence": n}, at=BEGIN + n // 3 * 10**9) for n in range(12)])
    whole = trail(client, "since", order="asc")["events"]
    middle = trail(client, "since", limit=4, cursor=trail(client, "since", limit=4)["next_cursor"])
    newer = trail(client, "since", order="asc", cursor=middle["previous_cursor"])
    older = trail(client, "since", order="desc", cursor=middle["next_cursor"])
    assert [*reversed(older["events"]), *reversed(middle["events"]), *newer["events"]] == whole
    back = trail(client, "since", order="desc", limit=2, cursor=newer["previous_cursor"])
    assert back["events"] == middle["events"][:2]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_page_begins_at_an_event_or_a_day(stage: WebStage, client: FlaskClient, order: str) -> None:
    """Days begin in the dashboard's zone, and several events share an instant."""
    day = 86_400 * 10**9
    stage.send([event("user_message", "days", {"event.sequence": n}, at=BEGIN + n // 4 * day // 2) for n in range(24)])
    whole = trail(client, "days", order=order)["events"]
    for place in (0, 1, 5, 23):
        assert trail(client, "days", order=order, event=whole[place]["id"])["events"] == whole[place:]
    days = sorted({each["at"][:10] for each in whole})
    for date in days:
        kept = [each for each in whole if (each["at"][:10] >= date if order == "asc" else each["at"][:10] <= date)]
        assert trail(client, "days", order=order, date=date)["events"] == kept
    assert trail(client, "days", order="asc", date="2026-12-24")["events"] == []
    first = trail(client, "days", order="asc", date="0001-01-01")["events"]
    assert first == (whole if order == "asc" else [*reversed(whole)])
    for bad in ({"date": "2026-13-01"}, {"event": "x"}, {"event": str(uuid.uuid4())}):
        assert trail(client, "days", 400, **bad)["parameter"] in bad


def test_kinds_and_texts_narrow_a_trail_and_its_cursors(stage: WebStage, client: FlaskClient) -> None:
    stage.send(
        [
            event("user_message", "kinds", {"chattrail.message.text": "Где МАЯК?"}, at=BEGIN),
            event("ai_message", "kinds", {"chattrail.message.text": "On the cliff"}, at=BEGIN + 1000),
            event("ai_message", "kinds", {"error.type": "timeout"}, at=BEGIN + 2000),
            event("image_generated", "kinds", {"chattrail.image.prompt": "a cliff"}, at=BEGIN + 3000),
            event("premium_action", "kinds", {"chattrail.premium.action": "paid"}, at=BEGIN + 4000),
            event("command", "kinds", {"chattrail.command.name": "help"}, at=BEGIN + 5000),
            event("custom", "kinds", {"chattrail.custom.name": "quiz"}, at=BEGIN + 6000),
            event("reaction", "kinds", {"chattrail.reaction.emoji": "👍"}, at=BEGIN + 7000),
            event("handler_failed", "kinds", {"exception.message": "boom"}, at=BEGIN + 8000),
        ]
    )
    found = {
        kind: [each["type"] for each in trail(client, "kinds", order="asc", kind=kind)["events"]]
        for kind in ("person", "bot", "pictures", "commands", "payments", "failures", "custom", "changes")
    }
    assert found == {
        "person": ["user_message"], "bot": ["ai_message"], "pictures": ["image_generated"], "commands": ["command"],
        "payments": ["premium_action"], "failures": ["ai_message", "handler_failed"], "custom": ["custom"],
        "changes": ["reaction"],
    }  # fmt: skip
    for text, types in (
        ("маяк", ["user_message"]),
        ("CLIFF", ["ai_message", "image_generated"]),
        ("kinds", []),
        ("%", []),
    ):
        assert [each["type"] for each in trail(client, "kinds", order="asc", q=text)["events"]] == types
    page = trail(client, "kinds", order="asc", q="cliff", limit=1)
    rest = trail(client, "kinds", order="asc", q="cliff", cursor=page["next_cursor"])["events"]
    assert [each["type"] for each in rest] == ["image_generated"]
    assert trail(client, "kinds", 400, order="asc", cursor=page["next_cursor"])["parameter"] == "cursor"


def test_the_file_of_a_trail_is_all_of_it(stage: WebStage, client: FlaskClient) -> None:
    """Of more than a page, and begun before it is finished."""
    stage.send(
        [
            event("user_message", "file", {"chattrail.message.text": f"{n} {TEXT}"}, at=BEGIN + n * 10**9)
            for n in range(450)
        ]
    )
    answer = client.get("/api/analytics/users/file/events.jsonl", headers=BEARER)
    assert answer.mimetype == "application/x-ndjson"
    events, cursor = [], ""
    while cursor is not None:
        page = trail(client, "file", order="asc", limit=200, cursor=cursor)
        events += page["events"]
        cursor = page["next_cursor"]
    assert [json.loads(line) for line in answer.text.strip().split("\n")] == events
    assert len(events) == 450
    assert client.get("/api/analytics/users/nobody/events.jsonl", headers=BEARER).status_code == 404
    printed = client.get("/analytics/users/file/print", headers=BEARER)
    assert printed.status_code == 303, "a page needs a login"
