"""An event without any time: seen where it was received, and said to be so, beside those that tell theirs."""

import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, request
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in

SECOND = 10**9


def untimed(type_: str, user: str, **extra: Any) -> LogRecord:
    """An event with no time, and with an id that holds none."""
    record = event(type_, user, extra, event_id=str(uuid.uuid4()))
    record.time_unix_nano = 0
    return record


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("untimed")) as stage:
        yield stage


def events_of(client: FlaskClient, person: str, **query: Any) -> list[dict[str, Any]]:
    """All events of a person, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        path = f"/api/analytics/users/{person}/events"
        answer = client.get(path, query_string={"limit": 2, **query, **cursor}, headers=BEARER).json
        assert answer is not None
        found += answer["events"]
        if not answer["next_cursor"]:
            return found
        cursor = {"cursor": answer["next_cursor"]}


def test_it_has_its_place_in_the_trail_and_says_what_its_time_is(stage: WebStage) -> None:
    now = time.time_ns()
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    lost = [untimed(kind, "1") for kind in ("user_message", "command")]
    stage.send([event("command", "1", at=now - n * 3600 * SECOND) for n in (1, 2)])
    stage.send([*lost, event("command", "1", at=now + 3600 * SECOND)])
    stage.send([*lost, event("command", "2")])  # the same again, in other company
    client = stage.app().test_client()
    for order in ("asc", "desc"):
        events = events_of(client, "1", order=order)
        assert len(events) == 5
        if order == "desc":
            events.reverse()
        assert [one["time_source"] for one in events] == ["event", "event", "received", "received", "event"]
        assert [one["at"] for one in events] == sorted(one["at"] for one in events)
        for one in events[2:4]:
            assert began <= datetime.fromisoformat(one["at"]) <= datetime.now(UTC)
    sign_in(client)
    for language, words in (("en", "Time of receipt"), ("ru", "Время получения")):
        page = client.get(f"/analytics/users/1?lang={language}").text
        assert page.count(words) == 2
        trail = page.split('<main id="main"')[1].split("trail-facts")[0]
        assert "1970" not in trail.replace('min="1970-01-02"', "")  # of the days that can be chosen
        assert words not in client.get(f"/analytics/users/2?lang={language}").text


def test_messages_of_one_minute_say_it_once(stage: WebStage) -> None:
    stage.send([untimed("user_message", "3", **{"chattrail.message.text": text}) for text in ("one", "two")])
    client = stage.app().test_client()
    sign_in(client)
    page = client.get("/analytics/users/3?lang=en").text
    received = [one["at"] for one in events_of(client, "3")]
    assert len(received) == 2
    turns = re.findall(r'class="time-source time-source-person"', page)
    assert len(turns) == len({at[: len("2026-01-02T03:04")] for at in received})


def test_it_does_not_make_its_person_an_old_one(stage: WebStage) -> None:
    client = stage.app().test_client()

    def new_people() -> int:
        answer = client.get("/api/analytics/stats", query_string={"range": "7d"}, headers=BEARER).json
        assert answer is not None
        return int(answer["figures"]["new_people"]["value"])

    before = new_people()
    stage.send([untimed("command", "newcomer"), event("user_message", "newcomer", at=time.time_ns())])
    assert new_people() == before + 1


def stats_of(client: FlaskClient, **query: str) -> dict[str, Any]:
    """The figures of a range."""
    answer = client.get("/api/analytics/stats", query_string=query or {"range": "7d"}, headers=BEARER)
    assert answer.status_code == 200
    assert isinstance(answer.json, dict)
    return answer.json


def test_a_bot_that_never_tells_the_time_has_a_page(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    with web_stage(clickhouse, tmp_path) as stage:
        client = stage.app().test_client()
        sign_in(client)
        assert "No events yet" in client.get("/analytics?lang=en").text
        began = datetime.now(UTC) - timedelta(milliseconds=1)
        stage.send([untimed("command", "1", **{"event.sequence": number}) for number in (1, 2, 4)])
        for query in ({"range": "7d"}, {"range": "all"}):
            stats = stats_of(client, **query)
            assert began <= datetime.fromisoformat(stats["newest_event_at"]) <= datetime.now(UTC)
            assert stats["range"]["from"] > "2026", "all time begins when something was received"
            assert stats["left_out"]["events"] == 3
            assert (stats["delivery"]["emitted"], stats["delivery"]["stored"]) == (4, 3)
            (process,) = stats["delivery"]["instances"]
            assert began <= datetime.fromisoformat(process["first_at"]) <= datetime.fromisoformat(process["last_at"])
        earlier = stats_of(client, **{"from": "2020-01-01", "to": "2020-12-31"})
        assert earlier["delivery"]["processes"] == 0
        english = client.get("/analytics?range=all&lang=en").text
        assert "No events yet" not in english
        assert "3 events came without any time" in english
        assert "3 события пришли без времени" in client.get("/analytics?range=all&lang=ru").text
        stage.send(
            [event("command", "2", at=time.time_ns())]
        )  # figures instead of the empty page: it says so there, too
        assert "3 events came without any time" in client.get("/analytics?range=all&lang=en").text


def test_one_event_without_a_time_does_not_make_its_process_an_old_one(stage: WebStage) -> None:
    now = time.time_ns()
    timed = event("command", "4", {"event.sequence": 1}, at=now)
    stage.post(request(timed, untimed("command", "4", **{"event.sequence": 2}), instance="mixed"))
    client = stage.app().test_client()
    (process,) = [each for each in stats_of(client)["delivery"]["instances"] if each["instance_id"] == "mixed"]
    assert abs(datetime.fromisoformat(process["first_at"]).timestamp() - now / 1e9) < 60
    earlier = stats_of(client, **{"from": "2020-01-01", "to": "2020-12-31"})
    assert earlier["delivery"]["instances"] == []


def test_names_and_languages_are_the_newest_by_the_time_that_is_shown(stage: WebStage) -> None:
    def chosen(name: str, code: str) -> dict[str, str]:
        return {
            "telegram.user.name": name,
            "telegram.user.language_code": code,
            "chattrail.persona.id": "p",
            "chattrail.persona.name": name,
        }

    old = time.time_ns() - 3600 * SECOND
    stage.send([event("persona_selected", "5", chosen("Then", "de"), at=old)])
    stage.send([event("bot_unblocked", "5", at=old)])
    stage.send([untimed("persona_selected", "5", **chosen("Now", "fr"))])
    stage.send([untimed("bot_blocked", "5")])
    stage.send([event("user_message", "6", {"chattrail.persona.id": "p"}, at=old)])
    client = stage.app().test_client()
    answer = client.get("/api/analytics/users", query_string={"q": "5"}, headers=BEARER).json
    assert answer is not None
    (person,) = [each for each in answer["users"] if each["client_id"] == "5"]
    assert (person["name"], person["language_code"], person["blocked"]) == ("Now", "fr", True)
    assert [each["name"] for each in stats_of(client)["personas"] if each["id"] == "p"] == ["Now"]
    found = client.get("/api/analytics/users", query_string={"q": "Now", "language": "fr"}, headers=BEARER).json
    assert found is not None
    assert [each["client_id"] for each in found["users"]] == ["5"]
