"""Every figure against a plain count in Python of the same events, doubles and a clock change included."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.web.analytics.plain_count import actions, count, first_own_of, paid_as, quantile, revenue, stars
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_chats import NAMES, NOW, SERVICE, ZONE, Sent, make_events
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER

SLOT = 900
POINT = ("people", "messages", "bot_messages", "answers", "pictures")


@dataclass(frozen=True)
class Population:
    stage: WebStage
    events: list[Sent]
    first_own: dict[str, datetime]

    def stats(self, query: str = "") -> dict[str, Any]:
        app = self.stage.app(FakeClock(NOW), timezone=ZONE.key)
        answer = app.test_client().get(f"/api/analytics/stats{query}", headers=BEARER)
        assert answer.status_code == 200, answer.text
        assert isinstance(answer.json, dict)
        return answer.json

    def of_bot(self, bot: str) -> "Population":
        """The same with the events of one bot alone."""
        events = [e for e in self.events if e.bot == bot]
        return replace(self, events=events, first_own=first_own_of(events))

    def of_people(self, people: set[str]) -> "Population":
        """The same with the events of some people alone."""
        events = [e for e in self.events if e.user in people]
        return replace(self, events=events, first_own=first_own_of(events))

    def between(self, start: datetime, end: datetime) -> list[Sent]:
        return [e for e in self.events if start <= e.at < end]

    def new_people(self, start: datetime, end: datetime) -> int:
        return sum(start <= at < end for at in self.first_own.values())


@pytest.fixture(scope="module")
def population(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    events = make_events(seed=7)
    with web_stage(clickhouse, tmp_path_factory.mktemp("figures")) as stage:
        records = [e.record() for e in events]
        stage.send(records)
        again = records[::3]  # doubles: other batches in another order
        random.Random(1).shuffle(again)
        stage.send(again)
        yield Population(stage, events, first_own_of(events))


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("query", "bucket", "buckets"),
    [
        ("", "day", 7),
        ("?range=7d", "day", 7),
        ("?range=30d", "day", 30),
        ("?range=90d", "day", 90),
        ("?range=all", "day", 94),
        ("?from=2026-10-25&to=2026-10-25", "hour", 25),
        ("?from=2026-10-24&to=2026-10-26", "day", 3),
        ("?from=2026-11-02&to=2026-11-02", "hour", 11),
        ("?from=2026-05-01", "week", 28),
        ("?from=2015-01-01", "month", 143),
    ],
)
def test_every_figure_is_what_a_plain_count_gives(
    population: Population, query: str, bucket: str, buckets: int
) -> None:
    stats = population.stats(query)
    start, end = when(stats["range"]["from"]), when(stats["range"]["to"])
    assert (stats["range"]["timezone"], stats["range"]["bucket"]) == (ZONE.key, bucket)
    assert start.astimezone(ZONE).time() == datetime.min.time()
    within = population.between(start, end)
    check_headline(population, stats, start, end, within, buckets)
    check_sections(stats, within)


@pytest.mark.parametrize("bot", ["42", "43", SERVICE])
@pytest.mark.parametrize(("query", "buckets"), [("range=90d", 90), ("from=2026-10-25&to=2026-10-25", 25)])
def test_every_figure_of_one_bot_is_what_a_plain_count_of_its_events_gives(
    population: Population, bot: str, query: str, buckets: int
) -> None:
    stats = population.stats(f"?bot={bot}&{query}")
    assert stats["bot"] == bot
    start, end = when(stats["range"]["from"]), when(stats["range"]["to"])
    its = population.of_bot(bot)
    assert 0 < len(its.events) < len(population.events)
    check_headline(its, stats, start, end, its.between(start, end), buckets)
    check_sections(stats, its.between(start, end))


PARTS: dict[str, tuple[str, Callable[[list[Sent]], bool]]] = {
    "everybody": ("messages>=0", lambda its: True),
    "nobody": ("not messages>=0", lambda its: False),
    "German": ("language:de", lambda its: any(e.get("telegram.user.language_code") == "de" for e in its)),
    "who paid": ("paid:yes", lambda its: any(e.get("chattrail.premium.action") == "paid" for e in its)),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("query", "buckets", "bot"),
    [
        ("range=90d", 90, ""),
        ("range=all", 94, ""),
        ("from=2026-10-25&to=2026-10-25", 25, "42"),
        ("from=2026-05-01", 28, SERVICE),
    ],
)
def test_every_figure_of_a_part_of_the_people_is_what_a_plain_count_of_their_events_gives(
    population: Population, part: str, query: str, buckets: int, bot: str
) -> None:
    who, is_meant = PARTS[part]
    stats = population.stats(f"?{query}&bot={bot}&{urlencode({'filter': who})}")
    start, end = when(stats["range"]["from"]), when(stats["range"]["to"])
    its = population.of_bot(bot) if bot else population
    of: dict[str, list[Sent]] = defaultdict(list)
    for e in its.events:
        of[e.user].append(e)
    theirs = its.of_people({user for user, events in of.items() if user and is_meant(events)})
    assert bool(theirs.events) == (part != "nobody")
    check_headline(theirs, stats, start, end, theirs.between(start, end), buckets)
    check_sections(stats, theirs.between(start, end))


def check_headline(
    population: Population, stats: dict[str, Any], start: datetime, end: datetime, within: list[Sent], buckets: int
) -> None:
    expected = {**count(within), "new_people": population.new_people(start, end)}
    assert {name: figure["value"] for name, figure in stats["figures"].items()} == expected
    if stats["figures"]["people"]["previous"] is not None:
        begin = datetime.fromtimestamp((start - (end - start)).timestamp() // SLOT * SLOT, UTC)
        before = {**count(population.between(begin, start)), "new_people": population.new_people(begin, start)}
        assert {name: figure["previous"] for name, figure in stats["figures"].items()} == before
    edges = [when(point["at"]) for point in stats["activity"]]
    assert len(edges) == buckets
    assert edges[0] == start
    for number, (left, right) in enumerate(zip(edges, [*edges[1:], end], strict=True)):
        there = {**count(population.between(left, right)), "new_people": population.new_people(left, right)}
        assert {name: figure["series"][number] for name, figure in stats["figures"].items()} == there
        point = stats["activity"][number]
        assert point == {"at": point["at"]} | {name: there[name] for name in POINT}


def check_sections(stats: dict[str, Any], within: list[Sent]) -> None:
    of = defaultdict(list)
    for e in within:
        of[e.type].append(e)
    did: list[set[str]] = [
        {e.user for e in of["start_command"]},
        {e.user for e in of["persona_selected"]},
        {e.user for e in of["story_selected"]},
        {e.user for e in of["ai_message"] + of["bot_message"] if not e.failed},
        {e.user for e in within if e.get("chattrail.premium.action") == "paid"},
    ]
    funnel = [len(set.intersection(*did[: step + 1])) for step in range(5)]
    assert stats["funnel"] == [
        {"step": step, "people": people}
        for step, people in zip(("start", "persona", "story", "answer", "paid"), funnel, strict=True)
    ]
    for section, key in (("personas", "chattrail.persona.id"), ("stories", "chattrail.story.id")):
        by_id: dict[str, list[Sent]] = defaultdict(list)
        for e in of["user_message"]:
            if e.get(key):
                by_id[e.get(key)].append(e)
        assert stats[section] == sorted(
            (
                {"id": i, "name": NAMES[i], "people": len({e.user for e in es}), "messages": len(es)}
                for i, es in by_id.items()
            ),
            key=lambda row: (-int(str(row["messages"])), row["id"]),
        )
    commands = Counter(e.get("chattrail.command.name") for e in of["command"]) + Counter(start=len(of["start_command"]))
    assert {row["name"]: row["count"] for row in stats["commands"]} == commands
    languages = Counter(e.get("telegram.user.language_code") for e in {e.user: e for e in within if e.own}.values())
    assert {row["code"]: row["people"] for row in stats["languages"]} == languages
    made = of["image_generated"]
    assert stats["pictures"] == {
        "made": sum(not e.failed for e in made),
        "refreshed": len(of["image_refresh"]),
        "failed": sum(e.failed for e in made),
    }
    answers = of["ai_message"]
    times = [
        float(e.get("chattrail.ai.duration_ms")) for e in answers if not e.failed and e.get("chattrail.ai.duration_ms")
    ]
    assert {name: value for name, value in stats["ai"].items() if "duration" not in name} == {
        "answers": sum(not e.failed for e in answers),
        "failures": sum(e.failed for e in answers),
        "input_tokens": sum(e.get("gen_ai.usage.input_tokens") or 0 for e in answers),
        "output_tokens": sum(e.get("gen_ai.usage.output_tokens") or 0 for e in answers),
    }
    if times:
        assert stats["ai"]["duration_ms_p50"] == pytest.approx(quantile(times, 0.5))
        assert stats["ai"]["duration_ms_p95"] == pytest.approx(quantile(times, 0.95))
    assert stats["premium"] == {
        "offers": actions(within, "offered"),
        "invoices": actions(within, "invoice_sent"),
        "payments": actions(within, "paid"),
        "first_payments": paid_as(within, "first"),
        "renewals": paid_as(within, "renewal"),
        "refunds": actions(within, "refunded"),
        "refused": actions(within, "refused"),
        "cancelled": actions(within, "cancelled"),
        "stars": sum(stars(e) for e in within),
        "revenue": revenue(within),
    }
    assert stats["chat"] == {
        "edited_by_people": sum(e.get("chattrail.side") == "person" for e in of["message_edited"]),
        "edited_by_bot": sum(e.get("chattrail.side") == "bot" for e in of["message_edited"]),
        "deleted": len(of["message_deleted"]),
        "reactions": sum(e.own and e.get("chattrail.reaction.emoji") != "" for e in of["reaction"]),
        "votes": sum(e.get("chattrail.poll.action") == "voted" for e in of["poll"]),
    }
    happened = defaultdict(list)
    for e in of["custom"]:
        happened[e.get("chattrail.custom.name")].append(e.user)
    assert {row["name"]: (row["people"], row["count"]) for row in stats["custom"]} == {
        name: (len(set(users)), len(users)) for name, users in happened.items()
    }
    assert stats["blocks"] == {"blocked": len(of["bot_blocked"]), "unblocked": len(of["bot_unblocked"])}
    assert stats["failures"] == len(of["handler_failed"])


def test_all_time_has_nothing_before_it_and_begins_with_the_first_event(population: Population) -> None:
    stats = population.stats("?range=all")
    assert {figure["previous"] for figure in stats["figures"].values()} == {None}
    first = min(e.at for e in population.events).astimezone(ZONE).date()
    assert when(stats["range"]["from"]).astimezone(ZONE).date() == first
    newest = max(e.at for e in population.events)
    assert when(stats["newest_event_at"]) == newest
    assert when(stats["generated_at"]) == NOW


def test_a_range_in_which_nothing_happened_is_all_zeros(population: Population) -> None:
    stats = population.stats("?from=2026-07-01&to=2026-07-07")
    assert {figure["value"] for figure in stats["figures"].values()} == {0}
    assert stats["ai"]["duration_ms_p50"] is None
    assert stats["personas"] == stats["stories"] == stats["commands"] == stats["languages"] == []


def test_numbers_that_are_none_do_not_spoil_a_figure(
    clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paid = {"chattrail.premium.action": "paid", "chattrail.premium.currency": "XTR"}
    at = int(NOW.timestamp() - 86400) * 10**9
    with web_stage(clickhouse, tmp_path_factory.mktemp("nan")) as stage:
        before = Population(stage, [], {}).stats("?range=all")
        assert before["newest_event_at"] is None
        assert {figure["value"] for figure in before["figures"].values()} == {0}
        stage.send(
            [
                event("premium_action", "1", {**paid, "chattrail.premium.amount": 5}, at=at),
                event("premium_action", "2", {**paid, "chattrail.premium.amount": math.nan}, at=at),
                event("premium_action", "3", {**paid, "chattrail.premium.amount": math.inf}, at=at),
                event("ai_message", "1", {"chattrail.ai.duration_ms": math.inf}, at=at),
                event("ai_message", "1", {"chattrail.ai.duration_ms": 12.5}, at=at),
                event("handler_failed", ""),
                event("user_message", "4", at=0),  # no usable time: 1970
                event("user_message", "5", at=at + 40 * 365 * 86400 * 10**9),  # a clock far ahead
            ]
        )
        stats = Population(stage, [], {}).stats("?range=all")
        assert stats["figures"]["stars"]["value"] == 5
        assert stats["ai"]["duration_ms_p95"] == 12.5
        assert stats["figures"]["people"]["value"] == 3
        assert stats["figures"]["messages"]["value"] == 0
        assert when(stats["newest_event_at"]) == (NOW - timedelta(days=1)).replace(microsecond=0)
