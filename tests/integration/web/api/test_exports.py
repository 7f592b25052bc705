"""Lists as files: all who match, each once, however many they are, and nothing that a spreadsheet would run."""

import csv
import io
import json
import random
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_people import PEOPLE, records_of
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, running_web
from web.analytics.clickhouse.bots import BotReader
from web.api.exports import COLUMNS
from web.errors import ClickHouseUnavailableError

MANY = 20_000
FORMULAS = ("=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\uff1d1")
FILTERS = ("", "paid=1", "paid=0&language=ru", "blocked=1", "q=user_1", "bot=test-bot", "q=nobody-is-called-so")
FILL = """
INSERT INTO people (of_all, bot, user_id, number, computed_at, events, first_ts, last_ts, user_name, messages, revenue)
SELECT
    1, '', toString(10000000 + number), number + 1, now64(6), 1, now64(3), now64(3), repeat('имя ', 20), number,
    map('USD', number)
FROM numbers({many})
"""


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("exports")) as stage:
        chance = random.Random(1)
        records = [record for number in range(PEOPLE) for record in records_of(number, chance)]
        paid = {
            "chattrail.premium.action": "paid",
            "chattrail.premium.currency": "USD",
            "chattrail.premium.amount": 499,
        }
        records += [event("user_message", f"f{n}", {"telegram.user.name": name}) for n, name in enumerate(FORMULAS)]
        stage.send([*records, event("premium_action", "5000000001", {**paid, "chattrail.premium.amount_minor": 499})])
        yield stage


@pytest.fixture
def client(stage: WebStage) -> FlaskClient:
    return stage.app().test_client()


def everybody(client: FlaskClient, filters: str) -> dict[str, Any]:
    """Who is in the list, page by page."""
    found: dict[str, Any] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"/api/analytics/users?limit=20&{filters}&cursor={cursor}", headers=BEARER).json
        assert page is not None
        found |= {person["client_id"]: person for person in page["users"]}
        cursor = page["next_cursor"]
    return found


def lines_of(client: FlaskClient, filters: str) -> list[Any]:
    answer = client.get(f"/api/analytics/users.jsonl?{filters}", headers=BEARER)
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.data.splitlines()]


def table_of(client: FlaskClient, filters: str) -> list[dict[str, str]]:
    answer = client.get(f"/api/analytics/users.csv?{filters}", headers=BEARER)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"] == "attachment; filename=people.csv"
    assert answer.data.startswith(b"\xef\xbb\xbfclient_id,name,")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("filters", FILTERS)
def test_a_file_has_everybody_who_matches_once(
    client: FlaskClient, filters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.analytics.clickhouse.people.PIECE", 7)
    known = everybody(client, filters)
    lines = lines_of(client, filters)
    assert [person["client_id"] for person in lines] == sorted(known)
    assert {person["client_id"]: person for person in lines} == known
    rows = table_of(client, filters)
    assert [row["client_id"] for row in rows] == sorted(known)
    assert {row["client_id"]: row["messages"] for row in rows} == {i: str(one["messages"]) for i, one in known.items()}


def test_cells_are_plain(client: FlaskClient) -> None:
    rows = {row["client_id"]: row for row in table_of(client, "")}
    assert tuple(rows["5000000000"]) == COLUMNS
    for number, name in enumerate(FORMULAS):
        assert rows[f"f{number}"]["name"] == f"'{name}"
    of_list = everybody(client, "")["5000000001"]
    assert rows["5000000001"]["first_seen"] == of_list["first_seen"]
    (money,) = of_list["revenue"]
    assert rows["5000000001"]["revenue"] == f"{money['amount']} USD"
    assert (rows["5000000001"]["is_premium"], rows["5000000000"]["is_premium"]) == ("false", "true")


@pytest.mark.parametrize("path", ["users.csv", "users.jsonl"])
def test_what_does_not_choose_people_is_refused(client: FlaskClient, path: str) -> None:
    for parameter in ("limit=1", "sort=name", "cursor=x", "bot=none", "paid=2"):
        assert client.get(f"/api/analytics/{path}?{parameter}", headers=BEARER).status_code == 400


def test_many_people_take_little_memory(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    with web_stage(clickhouse, tmp_path) as stage:
        stage.client.command(FILL.format(many=MANY))
        client = stage.app().test_client()
        client.get("/api/analytics/users.jsonl?q=nobody", headers=BEARER)  # what is made once
        tracemalloc.start()
        answer = client.get("/api/analytics/users.jsonl", headers=BEARER, buffered=False)
        lines = size = 0
        for piece in answer.iter_encoded():
            lines += piece.count(b"\n")
            size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert lines == MANY
        assert size > 8_000_000
        assert peak < 5_000_000, f"{peak:,} bytes at most for {size:,}"
        with running_web(tmp_path / "web", stage.readonly_url) as part:
            whole = httpx.get(f"{part.url}/api/analytics/users.csv", headers=BEARER, timeout=120).content
        assert len(set(whole.splitlines())) == MANY + 1


def test_a_fault_in_the_middle_is_no_whole_file(
    stage: WebStage, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, asked = BotReader.rows, 0

    def failing(
        self: BotReader, name: str, parameters: Mapping[str, Any] | None = None, **pieces: str
    ) -> Sequence[Sequence[Any]]:
        nonlocal asked
        asked += name == "people_after"
        if asked == fails_at:
            raise ClickHouseUnavailableError("away")
        return rows(self, name, parameters, **pieces)

    monkeypatch.setattr("web.analytics.clickhouse.people.PIECE", 7)
    monkeypatch.setattr(BotReader, "rows", failing)
    fails_at = 1
    answer = client.get("/api/analytics/users.csv", headers=BEARER)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    asked, fails_at = 0, 3
    with pytest.raises(ClickHouseUnavailableError):  # below the app the server ends the connection
        client.get("/api/analytics/users.csv", headers=BEARER).get_data()
