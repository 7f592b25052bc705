"""Filters over the real engine: any tree lets through who a plain walk through the raw events does."""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.web.analytics.plain_people import DEEDS, FIRST, LATEST, NUMBERS, Everybody
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_chats import NOW, ZONE, Sent, make_events
from tests.support.web_stage import web_stage
from tests.support.web_support import BEARER, sign_in
from web.analytics.filters.grammar import parse
from web.analytics.filters.tree import And, Condition, Days, Not, Or, Property, Tree

TODAY = NOW.astimezone(ZONE).date()
FIRST_DAY = date(2026, 8, 1)
LEVELS = ("a1", "b 2", 'с"1\\')
SOURCES, PLANS, MODELS = ("ad", "ref_1 2"), ("week", "month"), ("small", "large")
BEGINNINGS = ("ref_*", "a*", "b*", "*")
BOTS = ("42", "43", None)

dates = st.dates(FIRST_DAY - timedelta(days=2), TODAY + timedelta(days=2))
spans = st.tuples(dates, dates).map(sorted).map(lambda two: Days(first=two[0], last=two[1]))
days = st.one_of(
    st.sampled_from([1, 2, 7, 9, 30, 400]).map(lambda count: Days(count=count)),
    spans,
    dates.map(lambda day: Days(first=day, last=day)),
    dates.map(lambda day: Days(first=day)),
    dates.map(lambda day: Days(last=day)),
    st.just(Days(first=date(2026, 10, 25), last=date(2026, 10, 25))),  # of 25 hours
)


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


operators = st.sampled_from([">", ">=", "<", "<="])
numbers = st.integers(-1, 12).map(str)
properties = st.lists(
    st.one_of(
        some(*LEVELS).map(lambda values: Property("level", ":", values)),
        st.tuples(operators, numbers).map(lambda two: Property("score", two[0], (two[1],))),
        st.just(Property("level", ">", ("0",))),
    ),
    max_size=2,
).map(tuple)
conditions = st.one_of(
    st.tuples(st.sampled_from(sorted(LATEST)), some("luna", "cap", "sea", "night", "ru", "en", "")).map(
        lambda two: Condition(*two)
    ),
    st.tuples(
        st.sampled_from(sorted(FIRST)),
        some(
            *SOURCES,
            *BEGINNINGS,
            *PLANS,
            *MODELS,
            "luna",
            "cap",
            "",
            "/start",
            "/help",
            "event:quiz_finished",
            "user_message",
        ),
    ).map(lambda two: Condition(*two)),
    st.tuples(st.sampled_from(["paid", "blocked", "telegram_premium"]), st.sampled_from(["yes", "no"])).map(
        lambda two: Condition(two[0], (two[1],))
    ),
    st.tuples(st.sampled_from([*NUMBERS, "stars", "stayed"]), numbers, operators).map(
        lambda three: Condition(three[0], (three[1],), three[2])
    ),
    st.tuples(st.sampled_from([*NUMBERS, "sessions"]), some("0", "1", "2", "3")).map(lambda two: Condition(*two)),
    st.tuples(st.sampled_from(["new", "active", "last_seen"]), days).map(lambda two: Condition(two[0], days=two[1])),
    st.tuples(some(*DEEDS), st.none() | days).map(lambda two: Condition("did", two[0], days=two[1])),
    st.tuples(some("help", "premium", "start", "nothing"), st.none() | days).map(
        lambda two: Condition("command", two[0], days=two[1])
    ),
    st.tuples(some("quiz_finished", "level_up", "quiz"), properties, st.none() | days).map(
        lambda three: Condition("event", three[0], properties=three[1], days=three[2])
    ),
)
trees: st.SearchStrategy[Tree] = st.recursive(
    conditions,
    lambda parts: st.one_of(
        parts.map(Not),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: And(tuple(some))),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: Or(tuple(some))),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def events() -> list[Sent]:
    chance, made = random.Random(5), []
    for event in make_events(seed=11):
        extra: dict[str, Any] = {"telegram.user.is_premium": event.user[-1] in "35"}
        if event.type == "custom":
            extra |= {"chattrail.property.score": chance.choice([1, 5.5, 10, "many"])}
            extra |= {"chattrail.property.level": chance.choice(LEVELS)} if chance.random() < 0.7 else {}
        if event.type == "start_command" and chance.random() < 0.7:
            extra["chattrail.start.payload"] = chance.choice(SOURCES)
        if event.get("chattrail.premium.action") == "paid":
            extra["chattrail.premium.plan"] = chance.choice(PLANS)
        if event.type == "ai_message":
            extra["gen_ai.request.model"] = chance.choice(MODELS)
        made.append(replace(event, extra={**event.extra, **extra, "telegram.user.name": "Ann"}))
    return made


@pytest.fixture(scope="module")
def client(
    clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory, events: list[Sent]
) -> Iterator[FlaskClient]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("filters")) as stage:
        records = [event.record() for event in events]
        stage.send(records)
        stage.send(records[::3])  # doubles
        client = stage.app(FakeClock(NOW), timezone=ZONE.key).test_client()
        sign_in(client)
        yield client


def found(client: FlaskClient, text: str, bot: str | None = None) -> set[str]:
    query = {"filter": text, "limit": 200} | ({"bot": bot} if bot else {})
    answer = client.get("/api/analytics/users", query_string=query, headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return {user["client_id"] for user in answer.json["users"]}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees, bot=st.sampled_from(BOTS))
def test_a_filter_lets_through_who_the_raw_events_say(
    client: FlaskClient, events: list[Sent], tree: Tree, bot: str | None
) -> None:
    everybody = Everybody([event for event in events if bot in (None, event.bot)], ZONE, NOW)
    assert parse(str(tree)) is not None
    assert found(client, str(tree), bot) == everybody.who(tree), str(tree)


def test_a_fault_is_a_problem_that_names_its_place(client: FlaskClient) -> None:
    for path in ("users", "users.csv", "users.jsonl"):
        answer = client.get(f"/api/analytics/{path}", query_string={"filter": "paid:yes and lang:ru"}, headers=BEARER)
        assert answer.status_code == 400
        assert answer.mimetype == "application/problem+json"
        assert answer.json is not None
        assert (answer.json["parameter"], answer.json["position"]) == ("filter", 14)
        assert "lang is no condition; there are source, language" in answer.json["detail"]


def test_files_have_the_people_of_the_filter(client: FlaskClient) -> None:
    query = {"filter": "did:paid in 30d or not language:ru", "bot": "42"}
    lines = client.get("/api/analytics/users.jsonl", query_string=query, headers=BEARER).text.splitlines()
    assert {json.loads(line)["client_id"] for line in lines} == found(client, query["filter"], "42") != set()


@pytest.mark.parametrize(
    "query",
    [
        "range=all",
        "range=30d&bot=42",
        "from=2026-10-24&to=2026-10-26",
        "range=90d&filter=language:ru or did:paid in 30d",
    ],
)
def test_numbers_of_statistics_lead_to_as_many_people(client: FlaskClient, query: str) -> None:
    steps = "&steps=start,event:quiz_finished,paid" if "bot" in query else ""
    page = client.get(f"/analytics?lang=en&{query}{steps}")
    assert page.status_code == 200
    cards = re.findall(r'<a class="figure-value" id="figure-(\w+)" href="([^"]+)">([0-9,]+)</a>', page.text)
    assert {name for name, _, _ in cards} == {"people", "new_people"}
    rows = re.findall(
        r'<a class="bar-name" href="([^"]+)">.*?<span class="bar-number">([0-9,]+)<', page.text, re.DOTALL
    )
    assert len(rows) > 5
    for link, number in [card[1:] for card in cards] + rows:
        address = unescape(link).replace("/analytics/users?", "/api/analytics/users?limit=1&")
        answer = client.get(address, headers=BEARER)
        assert answer.json is not None
        assert answer.json["total"] == int(number.replace(",", "")), unquote(address)


def test_statistics_are_those_of_the_filter(client: FlaskClient, events: list[Sent]) -> None:
    text = "(language:ru or did:paid in 30d) not command:help"
    query = {"filter": text, "range": "30d"}
    stats = client.get("/api/analytics/stats", query_string=query, headers=BEARER).json
    assert stats is not None
    them = Everybody(events, ZONE, NOW).who(parse(text))
    theirs = [e for e in events if e.user in them and 0 <= (TODAY - e.at.astimezone(ZONE).date()).days < 30]
    assert 0 < stats["figures"]["people"]["value"] == len({e.user for e in theirs if e.own})
    assert stats["figures"]["messages"]["value"] == sum(e.type == "user_message" for e in theirs)
    bad = client.get("/api/analytics/stats", query_string={"filter": "x"}, headers=BEARER)
    assert bad.status_code == 400
