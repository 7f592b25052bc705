"""The cost of models and the margin against a slow sum over the events in Python: price of the day times tokens, event by event."""

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_chats import NOW, ZONE, Sent
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in

SLOT = 900
# Prices change on the day of 25 hours, at its beginning and at its end; those of `newer` begin there, `unpriced` has none.
PRICES = """
currency = "EUR"
prices = [
    { model = "steady", input = 0.15, output = "0.6", picture = 0.0401 },
    { model = "steady", from = 2026-10-25, input = 0.1234567, output = 0.7, picture = 0.05 },
    { model = "steady", from = 2026-10-26, input = 3, output = 15 },
    { model = "newer", from = 2026-10-25, input = 0.3, output = 0 },
    { model = "", input = 1, output = 1, picture = 0.01 },
]
rates = [
    { currency = "XTR", rate = 0.013 },
    { currency = "XTR", from = 2026-10-26, rate = 0.0121 },
    { currency = "JPY", from = 2026-08-01, rate = 0.0061 },
]
"""
TABLE: dict[str, list[tuple[date, dict[str, str]]]] = {
    "steady": [
        (date.min, {"input": "0.15", "output": "0.6", "pictures": "0.0401"}),
        (date(2026, 10, 25), {"input": "0.1234567", "output": "0.7", "pictures": "0.05"}),
        (date(2026, 10, 26), {"input": "3", "output": "15"}),
    ],
    "newer": [(date(2026, 10, 25), {"input": "0.3", "output": "0"})],
    "": [(date.min, {"input": "1", "output": "1", "pictures": "0.01"})],
}
RATES = {
    "EUR": [(date.min, "1")],
    "XTR": [(date.min, "0.013"), (date(2026, 10, 26), "0.0121")],
    "JPY": [(date(2026, 8, 1), "0.0061")],
}


def make_events(seed: int) -> list[Sent]:
    chance = random.Random(seed)
    clock_change = datetime(2026, 10, 25, tzinfo=ZONE).astimezone(UTC)
    moments = [clock_change + timedelta(minutes=chance.uniform(-180, 28 * 60)) for _ in range(300)]
    moments += [NOW - timedelta(days=chance.uniform(0, 80)) for _ in range(300)]
    return [one_event(chance, at.replace(microsecond=at.microsecond // 1000 * 1000)) for at in moments]


def one_event(chance: random.Random, at: datetime) -> Sent:
    user = str(1000 + chance.randrange(12))
    model = chance.choice(["steady", "steady", "newer", "unpriced:large", "Модель", ""])
    place: dict[str, Any] = {"telegram.user.language_code": "de" if int(user) % 2 else "ru"}
    place |= {"telegram.bot.id": chance.choice([42, 43])}
    named = {"gen_ai.request.model": model} if model else {}
    used = {"gen_ai.usage.input_tokens": chance.randrange(90_000), "gen_ai.usage.output_tokens": chance.randrange(300)}
    failed = {"error.type": "timeout"} if chance.random() < 0.2 else {}
    currency, digits = chance.choice([("XTR", 0), ("EUR", 2), ("JPY", 0)])
    minor = chance.randrange(1, 5_000)
    paid: dict[str, Any] = {
        "chattrail.premium.action": chance.choice(["paid", "paid", "refunded", "refused"]),
        "chattrail.premium.currency": currency,
        "chattrail.premium.amount": minor / 10**digits,
    }
    paid |= {"chattrail.premium.minor_units": minor} if chance.random() < 0.6 else {}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("ai_message", {**named, **used, **failed}),
        ("ai_message", {**named, **used}),
        ("image_generated", {**named, **failed}),
        ("premium_action", paid),
        ("user_message", {"chattrail.message.text": "hi"}),
    ]
    kind, extra = chance.choice(kinds)
    return Sent(kind, user, at, {**place, **extra})


@dataclass(frozen=True)
class Spent:
    """A plain sum over events: amounts of money, and use by model."""

    cost: Decimal
    revenue: Decimal
    by_model: dict[str, Decimal]
    use: dict[str, dict[str, int]]
    without_price: set[str]
    without_rate: set[str]

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.cost


def plain_sum(events: list[Sent]) -> Spent:
    cost, revenue = Decimal(0), Decimal(0)
    by_model: dict[str, Decimal] = {}
    use: dict[str, dict[str, int]] = defaultdict(lambda: {"input": 0, "output": 0, "pictures": 0})
    without_price, without_rate = set(), set()
    for e in events:
        day, model = e.at.astimezone(ZONE).date(), e.get("gen_ai.request.model")
        prices = next((prices for start, prices in reversed(TABLE.get(model, [])) if start <= day), {})
        counts = {
            "input": int(e.get("gen_ai.usage.input_tokens") or 0),
            "output": int(e.get("gen_ai.usage.output_tokens") or 0),
            "pictures": int(e.type == "image_generated" and not e.failed),
        }
        for kind, count in counts.items():
            if not count:
                continue
            use[model][kind] += count
            if kind not in prices:
                without_price.add(model)
                continue
            amount = Decimal(prices[kind]) * count / (1 if kind == "pictures" else 1_000_000)
            by_model[model] = by_model.get(model, Decimal(0)) + amount
            cost += amount
        sign = {"paid": 1, "refunded": -1}.get(e.get("chattrail.premium.action"), 0)
        if sign:
            currency = e.get("chattrail.premium.currency")
            rate = next((rate for start, rate in reversed(RATES[currency]) if start <= day), None)
            if rate is None:
                without_rate.add(currency)
            else:
                revenue += sign * Decimal(str(e.get("chattrail.premium.amount"))) * Decimal(rate)
    return Spent(cost, revenue, by_model, use, without_price, without_rate)


@pytest.fixture(scope="module")
def events() -> list[Sent]:
    return make_events(seed=5)


@pytest.fixture(scope="module")
def stage(
    clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory, events: list[Sent]
) -> Iterator[WebStage]:
    records = [e.record() for e in events]
    with web_stage(clickhouse, tmp_path_factory.mktemp("cost")) as stage:
        stage.send(records[::2])
        stage.send(records[1::2] + records[::5])  # what comes late, and doubles
        yield stage


def asked(stage: WebStage, query: str, folder: Path, prices: str = PRICES) -> dict[str, Any]:
    path = folder / "prices.toml"
    path.write_text(prices, encoding="utf-8")
    settings = {"prices": str(path)} if prices else {}
    app = stage.app(FakeClock(NOW), timezone=ZONE.key, **settings)
    answer = app.test_client().get(f"/api/analytics/stats?{query}", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


@pytest.mark.parametrize(
    "query",
    [
        "range=7d",
        "range=30d",
        "range=90d",
        "range=all",
        "from=2026-10-25&to=2026-10-25",
        "from=2026-10-24&to=2026-10-26",
        "from=2026-07-15",
        "range=30d&bot=42",
        "range=30d&filter=language:de",
        "range=all&filter=language:de&bot=43",
        "from=2026-10-25&to=2026-10-25&filter=paid:yes",
        "range=7d&filter=language:tr",
    ],
)
def test_cost_and_margin_are_what_a_plain_sum_gives(
    stage: WebStage, events: list[Sent], query: str, tmp_path: Path
) -> None:
    stats = asked(stage, query, tmp_path)
    cost = stats["cost"]
    its = [e for e in events if "bot=" not in query or e.bot == query.rpartition("bot=")[2]]
    if "language:" in query:
        language = query.partition("language:")[2][:2]
        its = [e for e in its if e.get("telegram.user.language_code") == language]
    if "paid:yes" in query:
        payers = {e.user for e in its if e.get("chattrail.premium.action") == "paid"}
        its = [e for e in its if e.user in payers]
    start, end = (datetime.fromisoformat(stats["range"][name]) for name in ("from", "to"))
    within = plain_sum([e for e in its if start <= e.at < end])
    assert cost["currency"] == "EUR"
    assert cost["total"]["value"] == float(within.cost)
    assert {
        each["model"]: {"input": each["input_tokens"], "output": each["output_tokens"], "pictures": each["pictures"]}
        for each in cost["models"]
    } == within.use
    assert {each["model"]: each["cost"] for each in cost["models"] if each["cost"] is not None} == {
        model: float(amount) for model, amount in within.by_model.items()
    }
    assert {each["model"] for each in cost["models"] if not each["is_priced"]} == within.without_price
    assert cost["without_price"] == sorted(within.without_price)
    assert cost["without_rate"] == sorted(within.without_rate)
    assert cost["unlisted"] == 0
    edges = [datetime.fromisoformat(point["at"]) for point in stats["activity"]]
    buckets = [
        plain_sum([e for e in its if left <= e.at < right])
        for left, right in zip(edges, [*edges[1:], end], strict=True)
    ]
    assert cost["total"]["series"] == [float(each.cost) for each in buckets]
    before = None
    if stats["range"]["from"] and "range=all" not in query:
        begin = datetime.fromtimestamp((start - (end - start)).timestamp() // SLOT * SLOT, UTC)
        before = plain_sum([e for e in its if begin <= e.at < start])
    assert cost["total"]["previous"] == (float(before.cost) if before else None)
    if within.without_rate:
        assert cost["revenue"] is cost["margin"] is None
        return
    is_comparable = before is not None and not before.without_rate
    for name in ("revenue", "margin"):
        assert cost[name]["value"] == float(getattr(within, name))
        assert cost[name]["series"] == [float(getattr(each, name)) for each in buckets]
        assert cost[name]["previous"] == (float(getattr(before, name)) if is_comparable else None)


def test_without_prices_use_is_shown_and_nothing_costs_nothing(
    stage: WebStage, events: list[Sent], tmp_path: Path
) -> None:
    cost = asked(stage, "range=all", tmp_path, prices="")["cost"]
    assert {each["model"]: each["input_tokens"] for each in cost["models"]} == {
        model: use["input"] for model, use in plain_sum(events).use.items()
    }
    assert {each["cost"] for each in cost["models"]} == {cost["total"], cost["margin"], cost["revenue"]} == {None}
    assert (cost["currency"], cost["without_price"], cost["without_rate"]) == ("", [], [])


def test_a_currency_without_a_rate_leaves_no_margin_and_is_named(stage: WebStage, tmp_path: Path) -> None:
    prices = PRICES.partition("rates")[0]
    cost = asked(stage, "range=30d", tmp_path, prices)["cost"]
    assert cost["total"]["value"] > 0
    assert cost["revenue"] is cost["margin"] is None
    assert cost["without_rate"] == ["JPY", "XTR"]


def test_the_page_says_what_the_sums_leave_out(stage: WebStage, tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES, encoding="utf-8")
    client = stage.app(FakeClock(NOW), timezone=ZONE.key, prices=str(path)).test_client()
    sign_in(client)
    page = client.get("/analytics?range=30d&lang=en").text
    assert 'id="figure-cost"' in page
    assert 'id="figure-margin"' in page
    assert "Not all of it has a price" in page
    assert "unpriced:large" in page
    assert "Модель" in page
    path.write_text(PRICES.partition("rates")[0], encoding="utf-8")
    client = stage.app(FakeClock(NOW), timezone=ZONE.key, prices=str(path)).test_client()
    sign_in(client)
    page = client.get("/analytics?range=30d&lang=ru").text
    assert 'id="figure-margin"' not in page
    assert "неизвестен курс к EUR для валют:" in page
    client = stage.app(FakeClock(NOW), timezone=ZONE.key).test_client()
    sign_in(client)
    page = client.get("/analytics?range=30d&lang=en").text
    assert 'id="figure-cost"' not in page
    assert "CHATTRAIL_WEB_PRICES" in page


@pytest.mark.parametrize("bot", ["", "42"])
def test_what_each_person_cost_is_what_a_plain_sum_of_their_events_gives(
    stage: WebStage, events: list[Sent], bot: str, tmp_path: Path
) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES, encoding="utf-8")
    client = stage.app(FakeClock(NOW), timezone=ZONE.key, prices=str(path)).test_client()
    asked = {"bot": bot, "limit": "200"} if bot else {"limit": "200"}
    answer = client.get("/api/analytics/users", query_string=asked, headers=BEARER).json
    assert answer is not None
    its = [e for e in events if not bot or e.bot == bot]
    assert {row["client_id"] for row in answer["users"]} == {e.user for e in its}
    for row in answer["users"]:
        plain = plain_sum([e for e in its if e.user == row["client_id"]])
        assert row["cost"] == float(plain.cost)
        assert row["margin"] == (None if plain.without_rate else float(plain.margin))
        assert row["is_priced"] == (not plain.without_price)
    exported = client.get("/api/analytics/users.jsonl", query_string={"bot": bot} if bot else {}, headers=BEARER).text
    lines = [json.loads(line) for line in exported.splitlines()]
    assert sorted(lines, key=lambda row: str(row["client_id"])) == sorted(
        answer["users"], key=lambda row: str(row["client_id"])
    )
