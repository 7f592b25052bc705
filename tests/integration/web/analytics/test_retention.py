"""Retention against a plain count in Python of the same events: doubles, two bots, days of 23 and 25 hours."""

import csv
import html
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.web.analytics.plain_count import first_own_of
from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.web_chats import NOW, ZONE, Sent, make_events
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in

Population = tuple[WebStage, list[Sent]]


@pytest.fixture(scope="module")
def population(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Population]:
    events = make_events(seed=11)
    with web_stage(clickhouse, tmp_path_factory.mktemp("retention")) as stage:
        records = [e.record() for e in events]
        late = records[::5]
        stage.send([record for record in records if record not in late])
        stage.send(late + records[::7])  # late ones, and doubles
        yield stage, events


def ask(population: Population, query: str, **settings: str) -> dict[str, Any]:
    app = population[0].app(FakeClock(NOW), **({"timezone": ZONE.key} | settings))
    answer = app.test_client().get(f"/api/analytics/retention?{query}", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def first_day(day: date, period: str) -> date:
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[period]


def days_between(begin: str, end: str) -> tuple[date, date]:
    """The local days of a range: its first, and the one behind its last."""
    first, last = (datetime.fromisoformat(at).astimezone(ZONE) for at in (begin, end))
    assert first.time() == last.time() == datetime.min.time()
    return first.date(), last.date()


class Plain:
    """Who came when and did something when, by local days, as sets."""

    def __init__(self, events: list[Sent], period: str) -> None:
        self.period = period
        self.came = {user: at.astimezone(ZONE).date() for user, at in first_own_of(events).items()}
        self.active: dict[date, set[str]] = defaultdict(set)
        for e in events:
            if e.own:
                self.active[first_day(e.at.astimezone(ZONE).date(), period)].add(e.user)

    def cohort(self, begin: date, end: date) -> set[str]:
        return {user for user, day in self.came.items() if begin <= day < end}

    def after(self, day: date, later: int) -> date:
        for _ in range(later):
            day = first_day(day + timedelta(days={"day": 1, "week": 7, "month": 31}[self.period]), self.period)
        return day

    def back(self, people: set[str], later: int) -> set[str]:
        """Who of these people did something so many periods after the one in which they came."""
        return {
            user for user in people if user in self.active[self.after(first_day(self.came[user], self.period), later)]
        }


CASES = [
    ("range=90d", "week"),
    ("from=2026-10-20&to=2026-10-30&period=day", "day"),
    ("range=30d&period=day", "day"),
    ("range=all&period=month", "month"),
    ("range=all", "week"),
]


@pytest.mark.parametrize("bot", ["", "42"])
@pytest.mark.parametrize(("query", "period"), CASES)
def test_every_cell_is_what_a_plain_count_gives(population: Population, query: str, period: str, bot: str) -> None:
    events = [e for e in population[1] if not bot or e.bot == bot]
    plain, table = Plain(events, period), ask(population, f"{query}&bot={bot}")
    assert (table["period"], table["range"]["bucket"], table["cut"]) == (period, period, False)
    today = NOW.astimezone(ZONE).date()
    whole: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for cohort in table["cohorts"]:
        begin, end = days_between(cohort["from"], cohort["to"])
        assert (begin, end) == (first_day(begin, period), plain.after(begin, 1))
        people = plain.cohort(begin, end)
        assert cohort["people"] == len(people)
        for cell in cohort["cells"]:
            later = cell["later"]
            so_far = plain.after(begin, later + 1) > today
            assert cell["so_far"] == so_far
            assert (cell["people"], cell["of"]) == (len(plain.back(people, later)), len(people))
            if not so_far:
                whole[later][0] += cell["people"]
                whole[later][1] += len(people)
        assert len(cohort["cells"]) == (sum(plain.after(begin, n) <= today for n in range(1, 31)) if people else 0)
    first, last = days_between(table["range"]["from"], table["range"]["to"])
    everybody = plain.cohort(first, last)
    assert table["total"]["people"] == sum(cohort["people"] for cohort in table["cohorts"]) == len(everybody)
    assert {cell["later"]: [cell["people"], cell["of"]] for cell in table["total"]["cells"]} == dict(whole)
    assert any(cell["people"] for cell in table["total"]["cells"])


def test_cohorts_by_language_follow_their_own_people(population: Population) -> None:
    plain, table = Plain(population[1], "week"), ask(population, "range=90d&split=language")
    first, last = days_between(table["range"]["from"], table["range"]["to"])
    today = NOW.astimezone(ZONE).date()
    language = {user: {"0": "ru", "1": "en", "2": ""}.get(user[-1], "de") for user in plain.came}
    sizes = [cohort["people"] for cohort in table["cohorts"]]
    assert sizes == sorted(sizes, reverse=True)
    for cohort in table["cohorts"]:
        people = {user for user in plain.cohort(first, last) if language[user] == cohort["value"]}
        assert cohort["people"] == len(people)
        for cell in cohort["cells"]:
            known = {
                user for user in people if plain.after(first_day(plain.came[user], "week"), cell["later"] + 1) <= today
            }
            assert (cell["people"], cell["of"]) == (len(plain.back(known, cell["later"])), len(known))


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/Sao_Paulo", "UTC"])
def test_days_of_any_length_lie_side_by_side(population: Population, zone: str) -> None:
    """Of 23.5 and 24.5 hours, too: every newcomer is in one cohort."""
    table = ask(population, "range=all&period=day&split=first", timezone=zone)
    assert table["cut"]
    edges = [cohort["from"] for cohort in table["cohorts"]] + [table["range"]["to"]]
    assert [cohort["to"] for cohort in table["cohorts"]] == edges[1:]
    start = datetime.fromisoformat(edges[0])
    came = first_own_of(population[1]).values()
    assert table["total"]["people"] == sum(at >= start for at in came)


@pytest.mark.parametrize(
    "query",
    [
        "range=30d&period=week",
        "range=90d&period=month&split=language&filter=messages>2",
        "bot=42",
        "range=90d&period=month&split=source",
        "range=90d&period=month&split=first_event",
    ],
)
def test_every_number_opens_as_many_people(population: Population, query: str) -> None:
    client = population[0].app(FakeClock(NOW), timezone=ZONE.key).test_client()
    sign_in(client)
    page = client.get(f"/analytics/retention?{query}").text
    rows = re.findall(r'<td class="heat-people"><a href="([^"]+)">([\d,]+)</a>', page)
    cells = re.findall(r'<a href="([^"]+)" aria-label="[\d.]+\s%: (\d+) of', page)
    assert rows
    assert cells
    for link, number in rows + cells:
        address = urlsplit(html.unescape(link))
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        found = client.get("/api/analytics/users", query_string={**asked, "limit": 1})
        assert found.json is not None
        assert (address.path, found.json["total"]) == ("/analytics/users", int(number)), asked


def test_the_file_has_a_line_for_each_cell(population: Population) -> None:
    client = population[0].app(FakeClock(NOW), timezone=ZONE.key).test_client()
    table = ask(population, "range=90d")
    text = client.get("/api/analytics/retention.csv?range=90d", headers=BEARER).text
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows[0] == ["from", "to", "first", "week", "people", "of", "so_far"]
    expected = [
        [str(cell["later"]), str(cell["people"]), str(cell["of"])]
        for cohort in table["cohorts"]
        for cell in [{"later": 0, "people": cohort["people"], "of": cohort["people"]}, *cohort["cells"]]
    ]
    assert [row[3:6] for row in rows[1:]] == expected
