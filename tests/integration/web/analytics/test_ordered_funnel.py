"""Funnels in order against a slow count in Python of the same events: doubles, late events, two bots, equal times."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.web.analytics.plain_count import quantile
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_chats import NOW, ZONE, Sent, make_events
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER

Population = tuple[WebStage, list[Sent]]
WITHIN = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


def bursts(events: list[Sent], chance: random.Random) -> list[Sent]:
    """Some of them at the very time of another one of the same person, and custom events with a property."""
    made = list(events)
    for e in chance.sample(events, 300):
        other = chance.choice(events)
        language = {"telegram.user.language_code": e.get("telegram.user.language_code")}
        made.append(replace(other, user=e.user, at=e.at, extra={**other.extra, **language}))
    return [
        replace(e, extra={**e.extra, "chattrail.property.level": str(number % 3), "event.sequence": number})
        if e.type == "custom"
        else replace(e, extra={**e.extra, "event.sequence": number})
        for number, e in enumerate(made, 1)
    ]


@pytest.fixture(scope="module")
def population(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    events = bursts(make_events(seed=13), random.Random(13))
    with web_stage(clickhouse, tmp_path_factory.mktemp("funnel")) as stage:
        records = [e.record() for e in events]
        late = records[::5]
        stage.send([record for record in records if record not in late])
        stage.send(late + records[::3])
        yield stage, events


def is_step(e: Sent, step: str) -> bool:
    name, _, prop = step.removeprefix("event:").partition("{")
    key, _, value = prop.rstrip("}").partition("=")
    if step.startswith("event:"):
        right = not key or e.get(f"chattrail.property.{key}") == value
        return bool(right and e.type == "custom" and e.get("chattrail.custom.name") == name)
    if step.startswith("command:"):
        return bool(e.type == "command" and e.get("chattrail.command.name") == step.removeprefix("command:"))
    found: dict[str, bool] = {
        "start": e.type == "start_command",
        "message": e.type == "user_message",
        "answer": e.type in ("ai_message", "bot_message") and not e.failed,
        "paid": e.get("chattrail.premium.action") == "paid",
        "offer": e.get("chattrail.premium.action") == "offered",
        "reaction": e.type == "reaction"
        and e.get("chattrail.side") != "bot"
        and e.get("chattrail.reaction.emoji") != "",
    }
    return found[step]


def chains(events: Sequence[Sent], steps: Sequence[str], within: timedelta) -> Iterator[list[tuple[int, datetime]]]:
    """For each event that is the first step, the earliest events that continue it: their places and times."""
    for begin, first in enumerate(events):
        if is_step(first, steps[0]):
            chain, place = [(begin, first.at)], begin
            for step in steps[1:]:
                following = (
                    n
                    for n in range(place + 1, len(events))
                    if is_step(events[n], step) and events[n].at - first.at <= within
                )
                place = next(following, -1)
                if place < 0:
                    break
                chain.append((place, events[place].at))
            yield chain


def plain_funnel(events: list[Sent], steps: Sequence[str], within: timedelta) -> list[dict[str, Any]]:
    by_user: dict[str, list[Sent]] = defaultdict(list)
    for e in sorted(events, key=lambda e: (e.at, e.get("event.sequence"))):
        by_user[e.user].append(e)
    people, took = [0] * len(steps), [list[float]() for _ in steps]
    for theirs in by_user.values():
        every = list(chains(theirs, steps, within))
        for level in range(len(steps)):
            there = [chain for chain in every if len(chain) > level]
            if not there:
                break
            people[level] += 1
            # who got there first; of those that meet there, the one that began last
            earliest = min(there, key=lambda chain: (chain[level][0], -chain[0][0]))
            if level:
                took[level].append((earliest[level][1] - earliest[level - 1][1]) / timedelta(milliseconds=1))
    return [
        {"step": step, "people": number, "median_ms": quantile(times, 0.5) if times else None}
        for step, number, times in zip(steps, people, took, strict=True)
    ]


def ask(population: Population, **query: str) -> dict[str, Any]:
    app = population[0].app(FakeClock(NOW), timezone=ZONE.key)
    answer = app.test_client().get("/api/analytics/funnel", query_string=query, headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def between(events: list[Sent], funnel: dict[str, Any]) -> list[Sent]:
    start, end = (datetime.fromisoformat(funnel["range"][name]) for name in ("from", "to"))
    return [e for e in events if start <= e.at < end]


FUNNELS = [
    "start,message,answer,paid",
    "message,message,message",
    "event:quiz_finished,event:quiz_finished{level=1},event:level_up{level=2}",
    "start,command:help,reaction,message,start,answer,offer,paid",
    "paid,start",
    "answer",
]


@pytest.mark.parametrize("steps", FUNNELS)
@pytest.mark.parametrize("within", WITHIN)
def test_every_step_is_what_a_plain_count_gives(population: Population, steps: str, within: str) -> None:
    funnel = ask(population, steps=steps, within=within, range="90d")
    expected = plain_funnel(between(population[1], funnel), steps.split(","), WITHIN[within])
    assert [(step["step"], step["people"]) for step in funnel["steps"]] == [
        (step["step"], step["people"]) for step in expected
    ]
    for step, plain in zip(funnel["steps"], expected, strict=True):
        assert step["median_ms"] == (plain["median_ms"] and pytest.approx(plain["median_ms"]))
    assert all(a["people"] >= b["people"] for a, b in pairwise(funnel["steps"]))


@pytest.mark.parametrize("bot", ["42", "43"])
def test_one_bot_and_one_day_of_25_hours(population: Population, bot: str) -> None:
    query = {"from": "2026-10-25", "to": "2026-10-25", "steps": "message,answer", "within": "1d", "bot": bot}
    funnel = ask(population, **query)
    within = [e for e in between(population[1], funnel) if e.bot == bot]
    assert [step["people"] for step in funnel["steps"]] == [
        step["people"] for step in plain_funnel(within, ["message", "answer"], WITHIN["1d"])
    ]
    assert funnel["steps"][0]["people"]


def test_the_people_of_each_language_are_counted_apart(population: Population) -> None:
    funnel = ask(population, steps="start,message,paid", split="language", range="90d")
    events = between(population[1], funnel)
    language = {e.user: {"0": "ru", "1": "en", "2": ""}.get(e.user[-1], "de") for e in events}
    assert {each["value"] for each in funnel["values"]} == set(language.values())
    for each in funnel["values"]:
        theirs = [e for e in events if language[e.user] == each["value"]]
        expected = plain_funnel(theirs, ["start", "message", "paid"], WITHIN["7d"])
        assert [step["people"] for step in each["steps"]] == [step["people"] for step in expected]


def test_a_bot_has_a_funnel_of_what_it_sends(population: Population) -> None:
    funnel = ask(population, range="90d")
    steps = [step["step"] for step in funnel["steps"]]
    assert steps[:3] == ["start", "persona", "answer"]
    assert steps[3] in ("event:quiz_finished", "event:level_up")
    assert steps[4:] == ["offer", "paid"]


def test_nothing_in_the_range_has_no_steps(population: Population) -> None:
    nothing = {"from": "2020-01-01", "to": "2020-01-02"}
    assert ask(population, **nothing)["steps"] == []
    assert ask(population, **nothing, steps="start,paid")["steps"] == [
        {"step": step, "people": 0, "median_ms": None} for step in ("start", "paid")
    ]


@pytest.mark.parametrize("steps", ["start,nowhere", "event:", "event:a{b}", "start," * 9, "command:a{b=c}"])
def test_what_is_no_step_is_refused(population: Population, steps: str) -> None:
    client = population[0].app(FakeClock(NOW)).test_client()
    answer = client.get("/api/analytics/funnel", query_string={"steps": steps}, headers=BEARER)
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["detail"].startswith("Parameter steps: ")
