"""What pages ask reads few rows, not the tables: counted in queries, and in rows that ClickHouse read."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.recount import recount
from tests.support.web_support import NOBODY_LISTENS, SECRET_KEY
from web.analytics.clickhouse.bots import BotQueries
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.figures import FigureQueries
from web.analytics.clickhouse.live import LiveQueries
from web.analytics.clickhouse.loss_accounting import loss_accounting
from web.analytics.clickhouse.people import PeopleQueries
from web.analytics.clickhouse.trail import TrailQueries
from web.analytics.people_condition import PeopleCondition
from web.analytics.queries import USER_SORTS, TrailQuery, UserSort, UsersQuery
from web.analytics.ranges import Window, read_range
from web.settings import WebSettings

PEOPLE, EACH = 3000, 20
AT = datetime(2026, 3, 1, tzinfo=UTC)


class CountingClickHouse(ClickHouse):
    """Counts how many rows each query read."""

    def __init__(self, client: Client) -> None:
        super().__init__(
            WebSettings.load({"CHATTRAIL_WEB_CLICKHOUSE_URL": NOBODY_LISTENS, "CHATTRAIL_WEB_SECRET_KEY": SECRET_KEY})
        )
        self._client_of_test = client
        self.read: list[int] = []
        self.asked: list[str] = []

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        answer = self._client_of_test.query(statement, parameters=dict(parameters or {}))
        self.read.append(int(answer.summary["read_rows"]))
        self.asked.append(statement)
        return answer.result_rows


@pytest.fixture(scope="module")
def reading(clickhouse: EmbeddedClickHouse) -> Iterator[CountingClickHouse]:
    with (
        migrated_database(clickhouse) as name,
        clickhouse_connect.get_client(dsn=clickhouse.dsn(name), autogenerate_session_id=False) as client,
    ):
        many = f"FROM numbers({PEOPLE * EACH}) SETTINGS max_block_size = {PEOPLE * EACH}, max_threads = 1"
        at = f"toDateTime('2026-03-01 00:00:00', 'UTC') + 900 * intDiv(number, {PEOPLE})"
        client.command(
            "INSERT INTO events (event_id, ts, user_id)"
            f" SELECT generateUUIDv4(), {at}, toString(number % {PEOPLE}) {many}"
        )
        client.command(
            "INSERT INTO activity (user_id, slot, computed_at, first_ts, last_ts, events, messages, personas)"
            f" SELECT toString(number % {PEOPLE}), {at}, now64(6), {at}, {at}, 1, 1, map('p', 1) {many}"
        )
        client.command(
            "INSERT INTO sequences (service_name, instance_id, block, numbers, first_ts, last_ts) SELECT"
            f" 'bot', toString(number), 0, bitmapBuild([toUInt32(2)]), {at}, {at} {many}"
        )
        for table in ("events", "activity", "sequences"):
            client.command(f"OPTIMIZE TABLE {table} FINAL")
        recount(client)
        yield CountingClickHouse(client)


def test_a_person_and_their_trail(reading: CountingClickHouse) -> None:
    reading.read.clear()
    people = PeopleQueries(reading, SECRET_KEY)
    trails = TrailQueries(reading, people, SECRET_KEY, set(), ZoneInfo("Europe/Berlin"))
    page = trails.page(b"77", TrailQuery())
    assert trails.related(b"77", page.events, {1, 2}) == ()
    assert (page.user.client_id, len(page.events)) == ("77", EACH)
    assert len(reading.read) == 4
    assert max(reading.read) < PEOPLE * EACH / 2


def test_a_page_of_a_trail_of_100_000_events_reads_few_of_them(clickhouse: EmbeddedClickHouse) -> None:
    """At both ends, in the middle, from a day and from an event, and in which sessions its events are."""
    many, per_page, key = 100_000, 50, b"long"
    with (
        migrated_database(clickhouse) as name,
        clickhouse_connect.get_client(dsn=clickhouse.dsn(name), autogenerate_session_id=False) as client,
    ):
        for begin in range(0, many, 10_000):
            client.command(
                "INSERT INTO events (event_id, ts, user_id, session_id, attributes) SELECT toUUID(concat("
                "'00000000-0000-7000-8000-', leftPad(toString(number), 12, '0'))),"
                " toDateTime('2026-03-01 00:00:00', 'UTC') + number * 60, 'long', toString(intDiv(number, 30)),"
                f" map('chattrail.message.text', toString(number)) FROM numbers({begin}, 10000) SETTINGS max_threads = 1"
            )
        client.command("OPTIMIZE TABLE events FINAL")
        counting = CountingClickHouse(client)
        zone = ZoneInfo("UTC")
        trails = TrailQueries(counting, PeopleQueries(counting, SECRET_KEY), SECRET_KEY, set(), zone)

        def numbers(query: TrailQuery) -> list[int]:
            counting.read.clear()
            page = trails.page(key, query)
            assert len(trails.sessions(key, page.events)) in (2, 3)
            asked = zip(counting.read, counting.asked[-len(counting.read) :], strict=True)
            read = {("reach" if "SELECT count()" in text else "place" if "AND event_id = " in text else n): rows
                    for n, (rows, text) in enumerate(asked)}  # fmt: skip
            assert read.pop("reach") <= many + 1, "times alone, of this person"
            assert read.pop("place", 0) <= many + 8_193, "ids alone, of this person, and the event"
            assert sum(read.values()) < 60_000, "granules of 8,192 rows around the page and its sessions"
            return [int(each.text) for each in page.events]

        newest = trails.page(key, TrailQuery())
        assert numbers(TrailQuery()) == [*range(many - 1, many - 1 - per_page, -1)]
        assert numbers(TrailQuery(order="asc")) == [*range(per_page)]
        assert numbers(TrailQuery(cursor=newest.next_cursor))[0] == many - 1 - per_page
        assert numbers(TrailQuery(order="asc", date=date(2026, 4, 1)))[0] == 31 * 1440
        event = "00000000-0000-7000-8000-000000050000"
        assert numbers(TrailQuery(order="asc", event=event))[0] == 50_000
        (found,) = trails.page(key, TrailQuery(order="asc", q="77777")).events
        assert found.text == "77777"


def test_what_happens_now_reads_the_stretches_of_the_people_who_are_there(clickhouse: EmbeddedClickHouse) -> None:
    """Not the half million events of others, whether these lie in the same part or not."""
    many = 500_000
    with (
        migrated_database(clickhouse) as name,
        clickhouse_connect.get_client(dsn=clickhouse.dsn(name), autogenerate_session_id=False) as client,
    ):
        for begin in range(0, many, 50_000):
            client.command(
                "INSERT INTO events (event_id, ts, user_id) SELECT generateUUIDv4(), now() - INTERVAL 1 DAY,"
                f" toString(number % 5000) FROM numbers({begin}, 50000) SETTINGS max_threads = 1"
            )
        client.command("TRUNCATE TABLE stale_activity")  # as they are when they were marked long ago
        client.command(
            "INSERT INTO events (event_id, ts, user_id, type)"
            " SELECT generateUUIDv4(), now() - number, toString(number % 5 * 1000), 'user_message' FROM numbers(100)"
        )
        client.command("OPTIMIZE TABLE events FINAL")
        reading = CountingClickHouse(client)
        people, bots = PeopleQueries(reading, SECRET_KEY), BotQueries(reading)
        trails = TrailQueries(reading, people, SECRET_KEY, set(), ZoneInfo("UTC"))
        found = LiveQueries(reading, bots, people, trails).live(datetime.now(UTC) + timedelta(seconds=1))
        assert (len(found.events), found.minutes.people, found.minutes.messages) == (50, 5, 100)
        of_events = [rows for rows, text in zip(reading.read, reading.asked, strict=True) if "FROM events" in text]
        assert len(of_events) == 2
        assert max(of_events) < 2 * 5 * 2 * 8_192 + 1_000, "two granules of each of the five people, twice"
        assert sum(reading.read) - sum(of_events) < 1_000


@pytest.mark.parametrize("asked", ["7d", "30d", "90d", "all"])
def test_statistics_read_sums_however_many_people_there_were(reading: CountingClickHouse, asked: str) -> None:
    reading.read.clear()
    reading.asked.clear()
    now = AT + timedelta(days=1)
    stats = FigureQueries(reading).stats(read_range({"range": asked}, ZoneInfo("Europe/Berlin"), now), now)
    assert (stats.figures.people.value, stats.figures.messages.value) == (PEOPLE, PEOPLE * EACH)
    assert stats.personas[0].people == PEOPLE
    of_people = [rows for rows, text in zip(reading.read, reading.asked, strict=True) if "FROM people" in text]
    of_loss = [rows for rows, text in zip(reading.read, reading.asked, strict=True) if "sequences" in text]
    assert len(reading.read) - len(of_loss) <= 9, "the names of the persona are asked once, and then kept"
    assert len(of_people) == 2
    assert max(of_people) <= 2 * PEOPLE + 1_000, "a row for each person with the bot, and one with all bots"
    assert sum(reading.read) - sum(of_loss) - sum(of_people) < 1_000


def test_statistics_of_a_part_of_the_people_decide_once_who_is_in_it(reading: CountingClickHouse) -> None:
    reading.read.clear()
    reading.asked.clear()
    now, who = AT + timedelta(days=1), PeopleCondition("a.user_id < {below:String}", {"below": "2"})
    stats = FigureQueries(reading).stats(read_range({"range": "7d"}, ZoneInfo("UTC"), now), now, who=who)
    part = sum(str(number) < "2" for number in range(PEOPLE))
    assert (stats.figures.people.value, stats.figures.messages.value) == (part, part * EACH)
    assert (stats.personas[0].people, stats.personas[0].messages) == (part, part * EACH)
    asked = [text for text in reading.asked if "sequences" not in text]
    assert len(asked) <= 11
    assert sum("{below:String}" in text for text in asked) == 1
    assert not any("FROM events" in text for text in asked)


@pytest.mark.parametrize("sort", USER_SORTS)
def test_a_page_of_people_reads_a_row_for_each(reading: CountingClickHouse, sort: UserSort) -> None:
    reading.read.clear()
    page = PeopleQueries(reading, SECRET_KEY).page(UsersQuery(sort=sort, q="1"))
    assert (page.total, len(page.users)) == (sum("1" in str(number) for number in range(PEOPLE)), 50)
    assert len(reading.read) == 2
    assert sum(reading.read) <= 4 * PEOPLE + 2_000


def test_the_gaps_of_the_newest_processes(reading: CountingClickHouse) -> None:
    reading.read.clear()
    found = loss_accounting(reading, Window(AT, AT + timedelta(days=1), None, ZoneInfo("UTC")))
    assert (found.processes, len(found.gaps)) == (PEOPLE * EACH, 20)
    everything, gaps = reading.read
    assert everything >= PEOPLE * EACH
    assert gaps < PEOPLE * EACH / 2
