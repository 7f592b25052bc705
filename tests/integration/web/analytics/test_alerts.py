"""How rules of alerts stand: the figures of their hours and days, and of the same ones of the weeks before."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, SAME, sign_in

NOON = datetime(2026, 11, 8, 11, tzinfo=UTC)  # 12:00 in Berlin, and in summer until two weeks before
WEEKS = {1: 20, 2: 22, 3: 24, 4: 21}  # messages at noon of the weeks before
TODAY, MINUTES_LATER = 60, 5  # messages at noon, and in the hour after
RULE = {"figure": "messages", "comparison": "above", "threshold": 50, "window": "1h", "quiet_h": 0}
UNUSUAL = {"comparison": "unusual"}


def noon_before(weeks: int) -> datetime:
    return NOON - timedelta(weeks=weeks) - (timedelta(hours=1) if weeks > 2 else timedelta())


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("alerts")) as stage:
        counts = {NOON: TODAY, NOON + timedelta(hours=1): MINUTES_LATER}
        counts |= {noon_before(weeks): count for weeks, count in WEEKS.items()}
        # what is an hour beside, when a week is not the same on the wall, and one week more must change nothing
        counts |= {NOON - timedelta(weeks=3): 500, noon_before(5): 900}
        records = []
        for begin, count in counts.items():
            at = int((begin + timedelta(minutes=1)).timestamp()) * 10**9
            languages = ({"chattrail.user.language": "ru" if number % 3 == 0 else "en"} for number in range(count))
            records += [
                event("user_message", str(n % 3), attributes, at=at + n) for n, attributes in enumerate(languages)
            ]
        stage.send(records)
        yield stage


def client_at(stage: WebStage, moment: datetime) -> FlaskClient:
    return stage.app(FakeClock(moment), timezone="Europe/Berlin").test_client()


def state(stage: WebStage, moment: datetime, **changes: Any) -> dict[str, Any]:
    """How one rule stands at a time."""
    client = client_at(stage, moment)
    body = {"kind": "alert", "id": "one", "name": "One", "value": {**RULE, **changes}}
    assert client.post("/api/analytics/saved", data=json.dumps(body), headers=BEARER).status_code == 200
    answer = client.get("/api/analytics/alerts", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    (found,) = answer.json["alerts"]
    return dict(found)


def short(found: dict[str, Any]) -> tuple[str, float, Any, Any, bool]:
    return found["from"][11:16], found["value"], found["low"], found["high"], found["holds"]


def test_a_count_that_is_too_high_holds_at_once_and_until_the_next_hour_is_over(stage: WebStage) -> None:
    assert short(state(stage, NOON + timedelta(minutes=10))) == ("11:00", TODAY, None, 50, True)
    assert short(state(stage, NOON + timedelta(minutes=61))) == ("11:00", TODAY, None, 50, True), "not settled yet"
    assert short(state(stage, NOON + timedelta(minutes=90))) == ("11:00", TODAY, None, 50, True)
    assert short(state(stage, NOON + timedelta(minutes=122))) == ("12:00", MINUTES_LATER, None, 50, False)


def test_too_low_is_what_only_a_whole_window_can_be(stage: WebStage) -> None:
    below = {"comparison": "below", "threshold": 10}
    assert short(state(stage, NOON + timedelta(minutes=90), **below)) == ("11:00", TODAY, 10, None, False)
    assert short(state(stage, NOON + timedelta(minutes=122), **below)) == ("12:00", MINUTES_LATER, 10, None, True)
    day = {**below, "window": "1d", "threshold": 66}
    found = state(stage, NOON + timedelta(days=1), **day)
    assert (found["from"], found["to"]) == ("2026-11-07T23:00:00.000000Z", "2026-11-08T23:00:00.000000Z")
    assert (found["value"], found["holds"]) == (65, True)


def test_usual_is_the_same_hour_on_the_wall_of_four_weeks(stage: WebStage) -> None:
    low, high = 8, 35  # 21.5, the median, and three times its root
    assert short(state(stage, NOON + timedelta(minutes=10), **UNUSUAL)) == ("11:00", TODAY, low, high, True)
    assert short(state(stage, NOON - timedelta(minutes=10), **UNUSUAL)) == ("09:00", 0, None, 3, False)


def test_of_a_bot_and_of_a_part_of_the_people(stage: WebStage) -> None:
    found = state(stage, NOON + timedelta(minutes=10), filter="messages>100000", threshold=0)
    assert (found["value"], found["holds"]) == (0, False)
    found = state(stage, NOON + timedelta(minutes=10), figure="people", threshold=2)
    assert (found["value"], found["holds"]) == (3, True)
    assert "must be one of the bots" in state(stage, NOON, bot="nobodys")["fault"]


def test_a_rule_that_cannot_be_read_says_why_and_the_page_shows_it(stage: WebStage) -> None:
    found = state(stage, NOON, filter="lang:ru")
    assert "lang is no condition" in found["fault"]
    assert not found["holds"]
    client = client_at(stage, NOON + timedelta(minutes=10))
    sign_in(client)
    page = client.get("/analytics/alerts").get_data(as_text=True)
    assert "lang is no condition" in page
    form = {
        "kind": "alert",
        "page": "alerts",
        "query": "",
        "id": "one",
        "name": "Noon",
        **{k: str(v) for k, v in RULE.items()},
    }
    answer = client.post("/analytics/saved", data=form, headers=SAME)
    assert (answer.status_code, answer.location) == (303, "/analytics/alerts")
    page = client.get("/analytics/alerts").get_data(as_text=True)
    assert "1 alert now" in page
    assert 'href="/analytics?from=2026-11-08&amp;to=2026-11-08">60</a>' in page
    assert client.post("/analytics/saved", data={**form, "filter": "x"}, headers=SAME).status_code == 400


def test_what_earlier_weeks_had_is_read_once(stage: WebStage) -> None:
    client = client_at(stage, NOON + timedelta(minutes=10))
    figures, asked = client.application.extensions["chattrail"].figures, []
    real = figures.stats

    def stats(*arguments: Any) -> Any:
        asked.append(arguments)
        return real(*arguments)

    figures.stats = stats
    body = {"kind": "alert", "id": "one", "name": "One", "value": {**RULE, **UNUSUAL}}
    client.post("/api/analytics/saved", data=json.dumps(body), headers=BEARER)
    for count in (5, 6, 7):  # this hour, which is above already, and four weeks: then this hour alone
        client.get("/api/analytics/alerts", headers=BEARER)
        assert len(asked) == count
