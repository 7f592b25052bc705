"""What people are filtered by, and what models did, against a plain reading of the events: two bots, doubles, late events."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

AT = 1_772_366_400 * 10**9  # 2026-03-01 12:00 UTC
DAY = 86_400 * 10**9
KINDS = (
    "start_command",
    "command",
    "user_message",
    "ai_message",
    "image_generated",
    "premium_action",
    "custom",
    "bot_message",
)
OWN = ("start_command", "command", "user_message")


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "native", tmp_path) as under_test:
        under_test.run(under_test.sink._rollup.shutdown())  # type: ignore[attr-defined]  # driven by hand
        yield under_test


def make(dice: random.Random) -> dict[str, Any]:
    """One event, of one of five people with one of two bots, within 40 days, often in the same quarter of an hour."""
    some = dice.choice
    return {
        "type": some(KINDS),
        "user": f"u{dice.randrange(5)}",
        "at": AT + some((0, 0, 7, 40)) * DAY + dice.randrange(3600) * 10**9 + dice.randrange(10**9),
        "telegram.bot.id": some(("42", "43")),
        "chattrail.persona.id": some(("", "luna", "max")),
        "chattrail.start.payload": some(("", "ad", "ref_7", "a:b é")),
        "chattrail.command.name": "help",
        "chattrail.custom.name": "quiz",
        "telegram.update.id": some((0, 5)),
        "chattrail.premium.action": some(("paid", "offered")),
        "chattrail.premium.plan": some(("", "month", "year")),
        "gen_ai.response.model": some(("", "small", "input:big")),
        "gen_ai.usage.input_tokens": some((0, 10, 2_000_000_000)),
        "gen_ai.usage.output_tokens": some((0, 3)),
        "error.type": some(("", "", "Timeout")),
    }


def sent(made: dict[str, Any]) -> Any:
    own = ("chattrail.persona.id", "telegram.bot.id", "error.type")
    of = {
        "start_command": ("chattrail.start.payload",),
        "command": ("chattrail.command.name",),
        "custom": ("chattrail.custom.name", "telegram.update.id"),
        "premium_action": ("chattrail.premium.action", "chattrail.premium.plan"),
    }.get(made["type"], ("gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"))
    return event(made["type"], made["user"], {key: made[key] for key in own + of}, at=made["at"])


def usage(events: list[dict[str, Any]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for e in events:
        if e["type"] in ("ai_message", "user_message", "image_generated", "bot_message"):
            for kind in ("input", "output"):
                tokens = e[f"gen_ai.usage.{kind}_tokens"]
                found[f"{kind}:{e['gen_ai.response.model']}"] += tokens if tokens <= 10**9 else 0
            found[f"pictures:{e['gen_ai.response.model']}"] += e["type"] == "image_generated" and not e["error.type"]
    return {key: number for key, number in found.items() if number}


def first_event(e: dict[str, Any]) -> str:
    return {"start_command": "/start", "command": "/help", "custom": "event:quiz"}.get(e["type"], str(e["type"]))


def is_own(e: dict[str, Any]) -> bool:
    paid = e["type"] == "premium_action" and e["chattrail.premium.action"] == "paid"
    return e["type"] in OWN or paid or (e["type"] == "custom" and e["telegram.update.id"] != 0)


def expected(events: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Of one person: source, first persona, first event, plan, model, usage."""
    ordered = sorted(events, key=lambda e: e["at"])
    sources = [e["chattrail.start.payload"] for e in ordered if e["type"] == "start_command"]
    personas = [e["chattrail.persona.id"] for e in ordered if e["chattrail.persona.id"]]
    first = [first_event(e) for e in ordered if is_own(e)]
    paid = [e for e in ordered if e["type"] == "premium_action" and e["chattrail.premium.action"] == "paid"]
    plans = [e["chattrail.premium.plan"] for e in paid if e["chattrail.premium.plan"]]
    answers = [e for e in ordered if e["type"] == "ai_message" and not e["error.type"]]
    models = [e["gen_ai.response.model"] for e in answers if e["gen_ai.response.model"]]
    firsts = [next(iter(each), "") for each in (sources, personas, first)]
    return (*firsts, *(next(reversed(each), "") for each in (plans, models)), usage(events))


@pytest.mark.parametrize("seed", range(2))
def test_they_are_what_a_plain_reading_of_the_events_gives(sink: SinkUnderTest, seed: int) -> None:
    dice = random.Random(seed)
    events = [make(dice) for _ in range(60)]
    records = [sent(e) for e in events]
    dice.shuffle(records)
    for batch in (records[:30], records[20:], records[::-4]):  # what comes late, and doubles
        sink.handle(request(*batch))
        sink.settle()
    of: dict[tuple[bool, str, str], list[dict[str, Any]]] = defaultdict(list)
    days: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for e in events:
        of[True, "", e["user"]].append(e)
        of[False, e["telegram.bot.id"], e["user"]].append(e)
        days[e["at"] // DAY * 86_400].append(e)
    rows = sink.rows(
        "SELECT of_all, toString(bot), user_id, source, toString(first_persona), toString(first_event), toString(plan),"
        " toString(model), usage FROM people FINAL"
    )
    assert {row[:3]: row[3:] for row in rows} == {who: expected(its) for who, its in of.items()}
    figures = sink.rows(
        "SELECT toUnixTimestamp(at) AS day, sumMap(usage) FROM figures FINAL WHERE grain = 'day' GROUP BY day ORDER BY day"
    )
    assert dict(figures) == {day: usage(its) for day, its in days.items()}
