"""Every query of the dashboard about people and revenue, on a filled database, as the user who may only read."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.embedded import EmbeddedClickHouse
from tests.support.grafana import Query, Window, queries, variables
from tests.support.otlp import event
from tests.support.web_stage import WebStage, web_stage

Rows = list[dict[str, Any]]
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FIRST = TODAY - timedelta(days=20)  # more than a week, and less than 30 days ago
PERIOD = Window(int(FIRST.timestamp()) - 86400, int(time.time()) + 7200, 86400)
LONG_AGO = Window(PERIOD.begin - 10 * 31_536_000, PERIOD.end - 10 * 31_536_000, 86400)
QUIZ, SHOP = {"telegram.bot.id": 41}, {"telegram.bot.id": 42}


def at(day: int, minutes: int = 0) -> int:
    return int((FIRST + timedelta(days=day, hours=9, minutes=minutes)).timestamp() * 1000) * 10**6


def paid(currency: str, amount: float, minor: int | None = None) -> dict[str, Any]:
    """A payment, as the bot says it: in units, and since some release in the smallest ones, too."""
    given = {"premium.action": "paid", "premium.currency": currency, "premium.amount": amount}
    if minor is not None:
        given["premium.amount_minor"] = minor
    return {f"chattrail.{name}": value for name, value in given.items()}


def filling() -> list[LogRecord]:
    """Ann came by an advertisement to the quiz and stayed, Bob by nothing to both bots; Eve only blocks the shop."""
    payload, luna = {"chattrail.start.payload": "ad"}, {"chattrail.persona.id": "luna"}
    sent: list[tuple[str, str, int, dict[str, Any]]] = [
        ("start_command", "ann", at(0), {**QUIZ, **payload}),
        ("start_command", "ann", at(2), {**QUIZ, "chattrail.start.payload": "later"}),
        ("user_message", "ann", at(1), {**QUIZ, **luna}),
        ("user_message", "ann", at(7), {**QUIZ, **luna}),
        ("premium_action", "ann", at(7, 5), {**QUIZ, **paid("XTR", 250)}),
        ("premium_action", "ann", at(8, 5), {**QUIZ, **paid("JPY", 500, 500)}),
        ("start_command", "bob", at(0), SHOP),
        ("user_message", "bob", at(3), {**QUIZ, **luna}),
        ("user_message", "bob", at(3), SHOP),
        ("premium_action", "bob", at(3, 5), {**SHOP, **paid("USD", 4.99, 499)}),
        ("ai_message", "bob", at(3, 6), {**SHOP, "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 9}),
        ("bot_message", "eve", at(4), SHOP),
        ("bot_blocked", "eve", at(4, 1), SHOP),
    ]
    return [event(kind, who, extra, at=moment) for kind, who, moment, extra in sent]


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("business")) as stage:
        stage.send(filling())
        yield stage


def ask(stage: WebStage, query: Query, window: Window) -> tuple[Rows, list[str]]:
    """Rows by column names, and the columns' types."""
    with clickhouse_connect.get_client(dsn=stage.readonly_url, autogenerate_session_id=False) as client:
        answer = client.query(window.expand(query.sql))
    return list(answer.named_results()), [kind.name for kind in answer.column_types]


def panel(stage: WebStage, title: str, window: Window = PERIOD) -> Rows:
    (query,) = [query for query in queries("business") if query.title == title]
    rows, types = ask(stage, query, window)
    if query.target["queryType"] == "timeseries":
        assert types[0].startswith("DateTime")
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    return rows


def sums(rows: Rows, *names: str) -> list[Any]:
    return [sum(row[name] for row in rows) for name in names]


def money(rows: Rows) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in rows:
        found[row["currency"]] = round(found.get(row["currency"], 0) + row["revenue"], 6)
    return {currency: amount for currency, amount in found.items() if amount}


def choice(stage: WebStage, variable: str, name: str) -> str:
    """The value of a variable that people choose by a name."""
    with clickhouse_connect.get_client(dsn=stage.readonly_url, autogenerate_session_id=False) as client:
        return str({text: value for value, text in client.query(variables("business")[variable]).result_rows}[name])


COUNTS = ("People", "New people", "Messages", "Paying people", "Payments", "Blocks")
CHOSEN: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "all": (
        {},
        {
            "counts": (2, 2, 4, 2, 3, 1),
            "people": [7, 2],
            "money": {"XTR": 250, "JPY": 500, "USD": 4.99},
            "retention": (2, 0.5, 0.5),
            "sources": {"ad": (1, 1, 1, 250), "no link": (1, 1, 1, 0)},
            "personas": [("luna", 2, 3)],
            "tokens": [100, 9],
        },
    ),
    "a bot": (
        {"bot": "41"},
        {
            "counts": (2, 2, 3, 1, 2, 0),
            "people": [6, 2],
            "money": {"XTR": 250, "JPY": 500},
            "retention": (2, 0.5, 0.5),
            "sources": {"ad": (1, 1, 1, 250), "no link": (1, 1, 0, 0)},
            "personas": [("luna", 2, 3)],
            "tokens": [0, 0],
        },
    ),
    "a source": (
        {"source": "ad"},
        {
            "counts": (1, 1, 2, 1, 2, 0),
            "people": [5, 1],
            "money": {"XTR": 250, "JPY": 500},
            "retention": (1, 1.0, 1.0),
            "sources": {"ad": (1, 1, 1, 250)},
            "personas": [("luna", 1, 2)],
            "tokens": [0, 0],
        },
    ),
}


@pytest.mark.parametrize("chosen", CHOSEN)
def test_a_dashboard_shows_what_happened(stage: WebStage, chosen: str) -> None:
    choices, expected = CHOSEN[chosen]
    values = {variable: choice(stage, variable, name) for variable, name in choices.items()}
    window = replace(
        PERIOD,
        bots=tuple(v for k, v in values.items() if k == "bot"),
        sources=tuple(v for k, v in values.items() if k == "source"),
    )
    assert panel(stage, "In this period", window) == [dict(zip(COUNTS, expected["counts"], strict=True))]
    assert sums(panel(stage, "People", window), "people", "new_people") == expected["people"]
    assert money(panel(stage, "Revenue by currency", window)) == expected["money"]
    weeks = panel(stage, "Retention by first week", window)
    assert sum(week["people"] for week in weeks) == expected["retention"][0]
    assert [week["Day 30"] for week in weeks] == [None] * len(weeks), "that day has not come"
    if chosen != "a bot":  # there Bob came three days later, maybe in another week
        assert (weeks[0]["Day 1"], weeks[0]["Day 7"]) == expected["retention"][1:]
    names = ("people", "wrote", "paid", "stars")
    sources = {row["came by"]: tuple(row[name] for name in names) for row in panel(stage, "Sources", window)}
    assert sources == expected["sources"]
    personas = [(row["persona"], row["people"], row["messages"]) for row in panel(stage, "Personas", window)]
    assert personas == expected["personas"]
    assert sums(panel(stage, "Tokens", window), "input_tokens", "output_tokens") == expected["tokens"]
    payments = panel(stage, "Payments", window)
    assert sums(payments, "payments", "renewals", "refunds", "cancellations") == [expected["counts"][4], 0, 0, 0]
    assert sums(panel(stage, "Blocks", window), "blocked", "unblocked") == [expected["counts"][5], 0]


@pytest.mark.parametrize("query", queries("business"), ids=lambda query: query.title)
def test_a_query_keeps_to_the_period_and_the_choices(stage: WebStage, query: Query) -> None:
    empty: tuple[Rows, ...] = ([], [dict.fromkeys(COUNTS, 0)])
    for window in (LONG_AGO, replace(PERIOD, bots=("00",)), replace(PERIOD, sources=("00",))):
        assert ask(stage, query, window)[0] in empty
