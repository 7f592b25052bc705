"""Sources against a plain count in Python of the same events, and each number against the list that it opens."""

import html
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.integration.web.analytics.plain_count import first_own_of
from tests.integration.web.analytics.plain_people import Everybody
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_chats import NOW, ZONE, Sent, make_events
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in
from web.analytics.filters.grammar import parse
from web.analytics.filters.tree import Condition, all_of

PAYLOADS = ("summer_ad", "ref_17", "ref_18", "Ad-2", "")
Population = tuple[WebStage, list[Sent]]


@pytest.fixture(scope="module")
def population(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    chance, events = random.Random(3), []
    for event in make_events(seed=11):
        carried = {"chattrail.start.payload": chance.choice(PAYLOADS)} if event.type == "start_command" else {}
        events.append(replace(event, extra={**event.extra, **carried}))
    records = [e.record() for e in events]
    with web_stage(clickhouse, tmp_path_factory.mktemp("sources")) as stage:
        stage.send([record for record in records if record not in records[::5]])
        stage.send(records[::5] + records[::7])  # late ones, and doubles
        yield stage, events


def ask(population: Population, query: str) -> dict[str, Any]:
    client = population[0].app(FakeClock(NOW), timezone=ZONE.key).test_client()
    answer = client.get(f"/api/analytics/sources?{query}", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def plain(events: list[Sent], first: datetime, end: datetime) -> dict[str, list[int]]:
    """By payload: who came within a range, who of them wrote, is old enough, stayed a week, paid."""
    of: dict[str, list[Sent]] = defaultdict(list)
    for e in sorted(events, key=lambda e: e.at):
        of[e.user].append(e)
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for user, came in first_own_of(events).items():
        if not first <= came < end:
            continue
        theirs = of[user]
        payload = next((str(e.get("chattrail.start.payload")) for e in theirs if e.type == "start_command"), "")
        quarter = datetime.fromtimestamp(came.timestamp() // 900 * 900, UTC)
        whole_week_ago = came.astimezone(ZONE).date() < NOW.astimezone(ZONE).date() - timedelta(days=7)
        last = max(e.at for e in theirs if e.own)
        said = [
            True,
            any(e.type == "user_message" for e in theirs),
            whole_week_ago,
            whole_week_ago and last - quarter >= timedelta(days=7),
            any(e.get("chattrail.premium.action") == "paid" for e in theirs),
        ]
        rows[payload] = [count + holds for count, holds in zip(rows[payload], said, strict=True)]
    return rows


def counts(one: dict[str, Any]) -> list[int]:
    return [one[name] for name in ("people", "wrote", "old_enough", "stayed", "paid")]


@pytest.mark.parametrize("bot", ["", "42"])
@pytest.mark.parametrize("query", ["range=all", "range=90d", "from=2026-10-20&to=2026-10-30", "range=7d"])
def test_every_source_is_what_a_plain_count_gives(population: Population, query: str, bot: str) -> None:
    table = ask(population, f"{query}&each=1&bot={bot}")
    start, end = (datetime.fromisoformat(table["range"][name]) for name in ("from", "to"))
    expected = plain([e for e in population[1] if not bot or e.bot == bot], start, end)
    assert {each["source"]: counts(each["counted"]) for each in table["sources"]} == dict(expected)
    assert counts(table["total"]) == [sum(column) for column in zip(*expected.values(), strict=True)] or not expected
    sizes = [each["counted"]["people"] for each in table["sources"]]
    assert sizes == sorted(sizes, reverse=True)


def test_payloads_that_begin_alike_are_one_source(population: Population) -> None:
    each, together = (ask(population, f"range=all&each={each}") for each in "10")
    assert each["total"] == together["total"]
    found = {one["source"]: one["counted"] for one in together["sources"]}
    apart = {one["source"]: one["counted"] for one in each["sources"]}
    assert set(found) == {"summer_ad", "Ad-2", "", "ref_*"}
    assert found["ref_*"]["people"] == apart["ref_17"]["people"] + apart["ref_18"]["people"] > 0


def test_revenue_of_all_sources_is_that_of_their_people(population: Population) -> None:
    client = population[0].app(FakeClock(NOW), timezone=ZONE.key).test_client()
    table = ask(population, "range=all")
    sums: dict[str, float] = defaultdict(float)
    people = client.get("/api/analytics/users?limit=200", headers=BEARER).json
    assert people is not None
    for person in people["users"]:
        for each in person["revenue"]:
            sums[each["currency"]] += each["amount"]
    assert {each["currency"]: each["amount"] for each in table["total"]["revenue"]} == pytest.approx(sums)
    assert sums


@pytest.mark.parametrize("query", ["range=all", "range=30d&each=1", "range=all&filter=messages>2&bot=42"])
def test_every_number_opens_as_many_people(population: Population, query: str) -> None:
    client = population[0].app(FakeClock(NOW), timezone=ZONE.key).test_client()
    sign_in(client)
    page = client.get(f"/analytics/sources?{query}").text
    links = re.findall(r'<a href="([^"]+)">([\d,]+)[< ]', page)
    assert len(links) > 5
    for link, number in links:
        address = urlsplit(html.unescape(link))
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        found = client.get("/api/analytics/users", query_string={**asked, "limit": 1})
        assert found.json is not None, found.text
        assert (address.path, found.json["total"]) == ("/analytics/users", int(number.replace(",", ""))), asked


def test_a_filter_says_whose_sources_they_are(population: Population) -> None:
    events = population[1]
    said = "source:ref_*,Ad-2 messages>=3"
    who = Everybody(events, ZONE, NOW).who(parse(said))
    table = ask(population, urlencode({"range": "all", "filter": said}))
    came = set(first_own_of(events))
    assert table["total"]["people"] == len(who & came) > 0
    assert {each["source"] for each in table["sources"]} <= {"ref_*", "Ad-2"}


def test_a_group_opens_into_its_payloads(population: Population) -> None:
    client = population[0].app(FakeClock(NOW), timezone=ZONE.key).test_client()
    sign_in(client)
    page = client.get("/analytics/sources?range=all").text
    (link,) = (html.unescape(each) for each in re.findall(r'<th scope="row"><a href="([^"]+)"', page))
    assert parse_qs(urlsplit(link).query)["filter"] == [str(all_of(Condition("source", ("ref_*",))))]
    rows = re.findall(r'<th scope="row"><bdi>([^<]+)</bdi>', client.get(link).text)
    assert sorted(rows) == ["ref_17", "ref_18"]
