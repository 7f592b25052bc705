"""`bot=` on every route and page, money in any currency, and pages without a card for what a bot does not do."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, request
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in

NOW = 1_790_000_000


def at(second: int) -> int:
    return (NOW - 86_400 + second) * 10**9


def sent(bot: int | None, person: str, second: int, type_: str = "user_message", /, **extra: Any) -> LogRecord:
    named = {"telegram.bot.id": bot, "telegram.bot.username": f"bot_{bot}"} if bot else {}
    told = {f"chattrail.{key.replace('__', '.')}": value for key, value in extra.items()}
    return event(type_, person, {**named, **told}, at=at(second))


def money(person: str, second: int, action: str, **extra: Any) -> LogRecord:
    named = {f"premium__{key}": value for key, value in {"action": action, "currency": "USD", **extra}.items()}
    return sent(None, person, second, "premium_action", **named)


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    """Shop had no ids and then one, duo had two, plain never had any: it is no bot of personas, AI or images."""
    with web_stage(clickhouse, tmp_path_factory.mktemp("bots")) as stage:
        stage.post(request(sent(None, "1", 0), sent(None, "1", 1), sent(42, "1", 2), sent(42, "2", 3), service="shop"))
        stage.post(request(sent(None, "3", 4), sent(43, "3", 5), sent(43, "3", 6), sent(44, "1", 7), service="duo"))
        plain = (
            sent(None, "4", 10, "start_command"),
            sent(None, "4", 11, "bot_message"),
            sent(None, "4", 12, "custom", custom__name="quiz_finished"),
            sent(None, "4", 13, "custom", custom__name="quiz_finished"),
            money("4", 14, "paid", amount=12.5, minor_units=1250),
            money("4", 15, "paid", amount=0.1),
            money("4", 16, "paid", amount=0.2, currency="usd", subscription="first"),
            money("4", 17, "refunded", amount=2.3, minor_units=230),
            money("4", 18, "paid", amount=900, minor_units=900, currency="JPY", subscription="renewal"),
            money("4", 19, "refused", amount=5),
            money("4", 20, "paid", amount=5, minor_units="many"),
            money("4", 24, "paid", currency="EUR", amount=3, minor_units=300),
            money("4", 24, "paid", currency="GEL", amount=3, minor_units=300),
            money("4", 25, "refunded", currency="GEL", amount=3, minor_units=300),
            money("4", 2000, "refunded", currency="EUR", amount=3),
            sent(None, "5", 21, "message_edited", side="person"),
            sent(None, "5", 22, "message_edited", side="bot"),
            sent(None, "5", 23, "reaction", side="person", reaction__emoji="👍"),
        )
        stage.post(request(*plain, service="plain"))
        stage.settle()
        yield stage


@pytest.fixture(scope="module")
def client(stage: WebStage) -> FlaskClient:
    client = stage.app(FakeClock(NOW)).test_client()
    sign_in(client)
    return client


def ask(client: FlaskClient, path: str, status: int = 200) -> Any:
    answer = client.get(f"/api/analytics{path}", headers=BEARER)
    assert answer.status_code == status, answer.text
    return answer.json


def page(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def test_the_bots_are_listed_by_their_newest_event(client: FlaskClient) -> None:
    assert ask(client, "/bots") == {
        "bots": [
            {"bot": "plain", "username": ""},
            {"bot": "44", "username": "bot_44"},
            {"bot": "43", "username": "bot_43"},
            {"bot": "duo", "username": ""},
            {"bot": "42", "username": "bot_42"},
        ]
    }


@pytest.mark.parametrize(
    ("bot", "people"),
    [
        ("42", {"1": 3, "2": 1}),
        ("43", {"3": 2}),
        ("44", {"1": 1}),
        ("duo", {"3": 1}),
        ("", {"1": 4, "2": 1, "3": 3, "4": 0, "5": 0}),
    ],
)
def test_figures_people_and_trails_are_those_of_the_bot(client: FlaskClient, bot: str, people: dict[str, int]) -> None:
    stats = ask(client, f"/stats?bot={bot}")
    assert stats["bot"] == (bot or None)
    assert stats["figures"]["messages"]["value"] == sum(people.values())
    found = ask(client, f"/users?bot={bot}")
    assert {row["client_id"]: row["messages"] for row in found["users"]} == people
    for person, messages in people.items():
        trail = ask(client, f"/users/{person}/events?bot={bot}")
        assert [each["type"] for each in trail["events"]].count("user_message") == trail["user"]["messages"] == messages


@pytest.mark.parametrize("path", ["/stats", "/users", "/users/1/events"])
def test_a_bot_that_there_is_not_is_refused_everywhere(client: FlaskClient, path: str) -> None:
    for name in ("shop", "nobody", "4" * 4000, "%00"):  # shop is 42
        problem = ask(client, f"{path}?bot={name}", 400)
        assert problem["parameter"] == "bot"
        assert "(plain, 44, 43, duo, 42)" in problem["detail"]
    shown = page(client, f"/analytics{path.removesuffix('/events').removeprefix('/stats')}?bot=nobody", 400)
    assert 'href="/analytics"' in shown, "the way out is without it"


def test_a_cursor_belongs_to_its_bot(client: FlaskClient) -> None:
    cursor = ask(client, "/users?bot=42&limit=1")["next_cursor"]
    assert len(ask(client, f"/users?bot=42&limit=1&cursor={cursor}")["users"]) == 1
    for other in ("?", "?bot=43&"):
        assert ask(client, f"/users{other}limit=1&cursor={cursor}", 400)["parameter"] == "cursor"


def test_money_is_summed_by_currency_and_never_across(client: FlaskClient) -> None:
    premium = ask(client, "/stats?bot=plain")["premium"]
    assert premium["revenue"] == [
        {"currency": "JPY", "amount": 900, "minor_digits": 0},
        {"currency": "USD", "amount": 10.5, "minor_digits": 2},
    ]
    counted = ("payments", "first_payments", "renewals", "refunds", "refused", "stars")
    assert [premium[name] for name in counted] == [7, 1, 1, 3, 1, 0], "EUR and GEL were given back, at once or later"
    assert ask(client, "/stats?bot=plain")["left_out"]["amounts"] == 1
    (payer,) = ask(client, "/users?bot=plain&paid=1")["users"]
    assert (payer["client_id"], payer["revenue"]) == ("4", premium["revenue"])
    shown = page(client, "/analytics?bot=plain")
    assert "10.50\N{NO-BREAK SPACE}USD" in shown
    assert "900\N{NO-BREAK SPACE}JPY" in shown
    assert "10,50\N{NO-BREAK SPACE}USD" in page(client, "/analytics/users/4?lang=ru")


def test_edits_and_reactions_are_no_messages_and_the_persons_own_are_a_sign_of_life(client: FlaskClient) -> None:
    stats = ask(client, "/stats?bot=plain")
    assert stats["chat"] == {"edited_by_people": 1, "edited_by_bot": 1, "deleted": 0, "reactions": 1, "votes": 0}
    figures = {name: figure["value"] for name, figure in stats["figures"].items()}
    assert figures == {
        "people": 2, "new_people": 2, "messages": 0, "bot_messages": 1, "answers": 0, "pictures": 0, "stars": 0,
    }  # fmt: skip
    last = ask(client, "/users/5/events")["user"]["last_seen"]
    assert last == ask(client, "/users/5/events")["events"][0]["at"], "the reaction, and not the bot's edit before it"


def test_a_custom_event_is_counted_filters_people_and_is_a_step_of_a_funnel(client: FlaskClient) -> None:
    stats = ask(client, "/stats?steps=start,event:quiz_finished,event:never,paid")
    assert stats["custom"] == [{"name": "quiz_finished", "people": 1, "count": 2}]
    assert [(step["step"], step["people"]) for step in stats["funnel"]] == [
        ("start", 1), ("event:quiz_finished", 1), ("event:never", 0), ("paid", 0),
    ]  # fmt: skip
    assert [row["client_id"] for row in ask(client, "/users?event=quiz_finished")["users"]] == ["4"]
    assert ask(client, "/users?event=never")["total"] == 0
    assert 'href="/analytics/users?filter=event:quiz_finished' in unquote(page(client, "/analytics"))
    for steps in ("finish", "event:", "start,start", ",".join(f"event:{number}" for number in range(9))):
        assert ask(client, f"/stats?steps={steps}", 400)["parameter"] == "steps"


@pytest.mark.parametrize(
    ("language", "absent", "there"),
    [
        (
            "en",
            ("Personas", "Stories", "AI answers", "Pictures", "Stars", "Chose a persona", "Blocks and failures"),
            ("Bot messages", "Revenue, JPY"),
        ),
        (
            "ru",
            ("Персонажи", "Истории", "Ответы ИИ", "Картинки", "Звёзды", "Выбрали персонажа", "Блокировки и сбои"),
            ("Сообщения бота", "Выручка, JPY"),
        ),
    ],
)
def test_what_a_bot_has_no_data_for_has_no_card(
    client: FlaskClient, language: str, absent: tuple[str, ...], there: tuple[str, ...]
) -> None:
    shown = page(client, f"/analytics?bot=plain&lang={language}")
    body = shown[shown.index('<main id="main"') :]
    assert [word for word in absent if f">{word}<" in body] == []
    assert [word for word in there if f">{word}<" not in body] == []
    steps = [each["step"] for each in ask(client, "/stats?bot=plain")["funnel"]]
    assert steps == ["start", "answer", "paid"]
    assert 'id="funnel-title"' in body
    assert 'id="funnel-title"' not in page(client, "/analytics?bot=plain&steps=answer"), "one step is no funnel"


def test_a_trail_has_no_line_for_what_never_happened(client: FlaskClient) -> None:
    names = {"bot_messages": "Bot messages", "pictures": "Pictures", "clears": "Clears", "failures": "Failures"}
    seen = set()
    for row in ask(client, "/users")["users"]:
        shown = page(client, f"/analytics/users/{row['client_id']}?lang=en")
        facts = shown[shown.index('<dl class="facts"') :]
        assert "<dt>Messages</dt>" in facts
        lines = {name for name, label in names.items() if f"<dt>{label}</dt>" in facts}
        assert lines == {name for name in names if row[name]}, row["client_id"]
        seen |= lines
    assert seen
    assert seen != set(names)


def test_the_switch_is_in_each_header_and_links_keep_the_bot(client: FlaskClient) -> None:
    for path in ("/analytics", "/analytics/users", "/analytics/users/1"):
        shown = page(client, f"{path}?bot=42&lang=en")
        assert "Bot: @bot_42" in shown
        assert f'href="{path}?bot=44"' in shown
        assert 'href="/analytics/users?bot=42"' in shown
    assert 'href="/analytics/users/1?bot=42"' in page(client, "/analytics/users?bot=42")
    assert "Все боты" in page(client, "/analytics?lang=ru")


def test_the_switch_of_a_person_leads_to_their_bots_alone(client: FlaskClient) -> None:
    """Every link of it leads to a page; to another bot the person is unknown, and the answer says to which."""
    shown = page(client, "/analytics/users/1")
    offered = set(re.findall(r'class="bot-link" href="([^"]*)"', shown))
    assert offered == {"/analytics/users/1", "/analytics/users/1?bot=42", "/analytics/users/1?bot=44"}
    assert "/analytics/users/4?bot=plain" in page(client, "/analytics/users/4"), "of one bot alone, too"
    assert "@bot_43" in ask(client, "/users/1/events?bot=43", 404)["detail"]
    assert ask(client, "/users/nobody/events", 404)["detail"] == "No event of this person is stored."
