"""The list of people: each sort, filter and search, and paging that shows everybody once."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from flask.testing import FlaskClient

from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_people import PEOPLE, at, person, records_of
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in
from web.analytics.queries import UserSort


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    chance = random.Random(3)
    with web_stage(clickhouse, tmp_path_factory.mktemp("users")) as stage:
        stage.send([record for number in range(PEOPLE) for record in records_of(number, chance)])
        stage.send([event("handler_failed", "", at=at(1))])  # nobody's: not a person
        yield stage


@pytest.fixture(scope="module")
def client(stage: WebStage) -> FlaskClient:
    return stage.app().test_client()


def users(client: FlaskClient, status: int = 200, /, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/analytics/users", query_string=query, headers=BEARER)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def test_of_one_bot_there_is_no_switch(stage: WebStage) -> None:
    client = stage.app().test_client()
    sign_in(client)
    (bot,) = client.get("/api/analytics/bots", headers=BEARER).json["bots"]  # type: ignore[index]
    assert users(client, bot=bot["bot"])["users"]
    for path in ("/analytics", "/analytics/users", "/analytics/users/5000000035"):
        assert "bot-switch" not in client.get(path).text


def pages(client: FlaskClient, limit: int, **query: Any) -> Iterator[dict[str, Any]]:
    page = users(client, limit=limit, **query)
    yield page
    while page["next_cursor"]:
        page = users(client, limit=limit, cursor=page["next_cursor"], **query)
        yield page


def everybody(client: FlaskClient, **query: Any) -> list[dict[str, Any]]:
    return list(users(client, limit=200, **query)["users"])


def test_a_row_says_what_the_person_did(client: FlaskClient) -> None:
    row = next(row for row in everybody(client) if row["client_id"] == "5000000035")
    assert row | {"pictures": 0, "refreshes": 0, "clears": 0, "failures": 0} == {
        "client_id": "5000000035",
        "name": person(35)["telegram.user.name"],
        "username": "User_35",
        "language_code": "",
        "is_premium": False,
        "first_seen": "2026-03-01T03:40:00.000000Z",
        "last_seen": "2026-03-01T03:49:00.000000Z",  # not when a broadcast found the bot blocked
        "messages": 3,
        "bot_messages": 0,
        "answers": 2,
        "pictures": 0,
        "refreshes": 0,
        "clears": 0,
        "commands": 2,
        "sessions": 1,
        "stars": 50,
        "blocked": True,
        "failures": 0,
        "persona_id": "",
        "amounts_left_out": 0,
        "revenue": [{"currency": "XTR", "amount": 50, "minor_digits": 0}],
        "source": "",
        "plan": "month",
        "model": "model-1",
        "cost": None,
        "margin": None,
        "is_priced": True,
    }


def test_newest_first_by_default_and_everybody_counts(client: FlaskClient) -> None:
    page = users(client)
    assert page["total"] == PEOPLE
    seen = [row["last_seen"] for row in page["users"]]
    assert len(seen) == 50
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", get_args(UserSort))
def test_paging_shows_everybody_once_in_order(client: FlaskClient, sort: str, order: str) -> None:
    whole = everybody(client, sort=sort, order=order)
    assert len({row["client_id"] for row in whole}) == PEOPLE
    keys = [position(row, sort) for row in whole]
    for left, right in pairwise(keys):
        assert left < right if order == "asc" else left > right
    for limit in (9, 19, 56, 57):
        paged = list(pages(client, limit, sort=sort, order=order))
        assert [row for page in paged for row in page["users"]] == whole
        assert {page["total"] for page in paged} == {PEOPLE}
        assert all(len(page["users"]) == limit for page in paged[:-1])


def position(row: dict[str, Any], sort: str) -> tuple[Any, bytes]:
    """What the list is sorted by, ties broken by id: names by code point, Latin letters without their case."""
    value = row[sort]
    if sort == "name":
        text = row["name"] or row["username"]
        value = "".join(c.lower() if c.isascii() else c for c in text)
    if isinstance(value, str):
        value = value.encode()
    return value, row["client_id"].encode()


def test_paging_goes_on_while_people_arrive(stage: WebStage, client: FlaskClient) -> None:
    before = {row["client_id"] for row in everybody(client)}
    seen: list[str] = []
    arrived = 0
    for sort in ("name", "messages", "first_seen"):
        seen.clear()
        for page in pages(client, 19, sort=sort):
            seen += [row["client_id"] for row in page["users"]]
            arrived += 1
            late = person(arrived)
            stage.send([event("user_message", f"late-{sort}-{arrived}", late, at=at(arrived * 17))])
        assert len(seen) == len(set(seen))
        assert before <= set(seen)
        before = {row["client_id"] for page in pages(client, 200) for row in page["users"]}


@pytest.mark.parametrize(
    ("q", "matches"),
    [
        ("аня", lambda n, w: "Аня" in w["telegram.user.name"]),
        ("БОРИС", lambda n, w: w["telegram.user.name"] == "борис"),
        ("ANN", lambda n, w: w["telegram.user.name"] == "ann"),
        ("ÉMOJI", lambda n, w: "émoji" in w["telegram.user.name"]),
        ("@user_12", lambda n, w: w["telegram.user.username"] == "User_12"),
        ("5000000011", lambda n, w: n == 11),
        ("  bob ", lambda n, w: w["telegram.user.name"] == "Bob"),
        ("nobody at all", lambda n, w: False),
        ("%", lambda n, w: "%" in w["telegram.user.name"]),
        ("_sure_", lambda n, w: "_sure_" in w["telegram.user.name"]),
        ("\\", lambda n, w: "\\" in w["telegram.user.name"]),
        ("'", lambda n, w: "'" in w["telegram.user.name"]),
        ("' OR 1=1 --", lambda n, w: w["telegram.user.name"] == "' OR 1=1 --"),
        ("x') OR sleep(3) OR positionUTF8('", lambda n, w: False),
        ("{id:String}", lambda n, w: w["telegram.user.name"] == "{id:String}"),
        ("\t", lambda n, w: True),  # white space alone is no search
        ("таб\tи строка\n", lambda n, w: "таб" in w["telegram.user.name"]),
        ("🙂", lambda n, w: "🙂" in w["telegram.user.name"]),
    ],
)
def test_search_finds_exactly_what_contains_the_text(client: FlaskClient, q: str, matches: Any) -> None:
    mine = {f"{5_000_000_000 + number}" for number in range(PEOPLE)}
    found = {row["client_id"] for row in everybody(client, q=q)} & mine
    assert found == {f"{5_000_000_000 + n}" for n in range(PEOPLE) if matches(n, person(n))}


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ({"paid": "1"}, lambda n: n % 5 == 0),
        ({"paid": "0"}, lambda n: n % 5 != 0),
        ({"blocked": "1"}, lambda n: n % 7 == 0 and n % 14 != 0),
        ({"blocked": "0"}, lambda n: n % 7 != 0 or n % 14 == 0),
        ({"language": "pt-br"}, lambda n: n % 4 == 2),
        ({"language": "ru", "paid": "1"}, lambda n: n % 4 == 1 and n % 5 == 0),
        ({"language": "xx"}, lambda n: False),
    ],
)
def test_filters_go_together(client: FlaskClient, query: dict[str, str], matches: Any) -> None:
    mine = {f"{5_000_000_000 + number}" for number in range(PEOPLE)}
    found = [row["client_id"] for page in pages(client, 9, **query) for row in page["users"]]
    assert len(found) == len(set(found))
    assert set(found) & mine == {f"{5_000_000_000 + n}" for n in range(PEOPLE) if matches(n)}
    assert users(client, **query)["total"] == len(found)


def test_a_cursor_fits_only_its_own_list(client: FlaskClient) -> None:
    cursor = users(client, limit=5, sort="name", q="а")["next_cursor"]
    assert cursor
    for other in ({"sort": "messages", "q": "а"}, {"sort": "name"}, {"sort": "name", "q": "а", "order": "desc"}):
        problem = users(client, 400, cursor=cursor, **other)
        assert (problem["type"], problem["parameter"]) == ("urn:chattrail:problem:bad-parameter", "cursor")
    assert users(client, cursor=cursor, sort="name", q="а", limit=100)["users"], "the page's length may change"
    for made_up in ("x", cursor[:-2], cursor + "A", "' OR 1=1 --", "W10.abc"):
        assert users(client, 400, cursor=made_up, sort="name", q="а")["parameter"] == "cursor"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("sort=client_id", "sort"),
        ("sort=messages%20DESC%3B%20DROP%20TABLE%20events", "sort"),
        ("order=asc%2C%20sleep(3)", "order"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("paid=true", "paid"),
        ("language=%27", "language"),
        ("q=" + "x" * 101, "q"),
        ("q=%00", "q"),
        ("cursor=%ff", "cursor"),
        ("lmit=5", "lmit"),
        ("limit=5&limit=6", "limit"),
    ],
)
def test_a_bad_parameter_is_a_400_that_names_it(client: FlaskClient, query: str, parameter: str) -> None:
    answer = client.get(f"/api/analytics/users?{query}", headers=BEARER)
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["parameter"] == parameter
    assert set(answer.json) == {"type", "title", "status", "detail", "request_id", "parameter"}


def test_the_reading_user_cannot_write(stage: WebStage) -> None:
    with clickhouse_connect.get_client(dsn=stage.readonly_url, autogenerate_session_id=False) as reader:
        for statement in ("TRUNCATE TABLE events", "DROP TABLE activity", "INSERT INTO images (key) VALUES ('x')"):
            with pytest.raises(DatabaseError):
                reader.command(statement)
