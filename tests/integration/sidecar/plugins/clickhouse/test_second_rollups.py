"""The second rollups follow from `activity`, whatever comes late, twice or goes again, and however they were filled."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from sidecar.plugins.clickhouse import fill as filling
from sidecar.plugins.clickhouse import second_rollups
from sidecar.plugins.clickhouse.fill import fill_at
from sidecar.plugins.clickhouse.migrate import migrate
from tests.support.earlier_schema import migrate_before
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.recount import recount
from tests.support.sinks import SinkUnderTest, sink_on
from web.analytics.clickhouse.sums import COUNTS

DAY = 86_400 * 10**9
AT = 1_772_366_400 * 10**9  # 2026-03-01 12:00 UTC
BOTS: list[dict[str, Any]] = [{"telegram.bot.id": "42"}, {"telegram.bot.id": "43"}, {}]
# What the tables must hold, from `activity` itself: each pair is equal row by row.
EQUAL = (
    (
        "SELECT slot AS at, toString(bot) AS bot, sum(events), sum(messages), sum(stars), max(last_ts),"
        " uniqExactIf(user_id, user_id != '' AND messages + commands > 0),"
        " uniqExactIf(user_id, user_id != '' AND starts > 0)"
        " FROM activity FINAL GROUP BY at, bot HAVING sum(events) > 0 ORDER BY at, bot",
        "SELECT at, toString(bot) AS bot, sum(events), sum(messages), sum(stars), max(last_ts), groupBitmapMerge(people),"
        " groupBitmapMerge(step_start) FROM figures FINAL WHERE grain = 'slot' AND events > 0 GROUP BY at, bot ORDER BY at, bot",
    ),
    (
        "SELECT toStartOfDay(slot) AS at, toString(bot) AS bot, sum(events),"
        " uniqExactIf(user_id, user_id != '' AND messages + commands > 0), sum(length(answer_durations))"
        " FROM activity FINAL GROUP BY at, bot HAVING sum(events) > 0 ORDER BY at, bot",
        "SELECT at, toString(bot) AS bot, sum(events), groupBitmapMerge(people), sum(timed_answers)"
        " FROM figures FINAL WHERE grain = 'day' AND events > 0 GROUP BY at, bot ORDER BY at, bot",
    ),
    (
        "SELECT toStartOfDay(slot) AS at, each.1 AS key, sum(each.2), uniqExactIf(user_id, user_id != '')"
        " FROM activity FINAL ARRAY JOIN arrayZip(mapKeys(personas), mapValues(personas)) AS each"
        " GROUP BY at, key ORDER BY at, key",
        "SELECT at, key, sum(total), groupBitmapMerge(people) FROM choices FINAL"
        " WHERE grain = 'day' AND kind = 'personas' AND total > 0 GROUP BY at, key ORDER BY at, key",
    ),
    (
        "SELECT user_id, toString(bot) AS bot, sum(events), min(first_ts), max(last_own_ts), uniqExactArray(sessions),"
        " argMaxIf(language_code, last_ts, language_code != '')"
        " FROM activity FINAL WHERE user_id != '' GROUP BY user_id, bot ORDER BY user_id, bot",
        "SELECT user_id, toString(bot) AS bot, events, first_ts, last_own_ts, sessions, language_code"
        " FROM people FINAL WHERE NOT of_all ORDER BY user_id, bot",
    ),
    (
        "SELECT user_id, sum(events), uniqExactArray(sessions), sumMap(custom_counts) FROM activity FINAL WHERE user_id != ''"
        " GROUP BY user_id ORDER BY user_id",
        "SELECT user_id, events, sessions, custom_counts FROM people FINAL WHERE of_all ORDER BY user_id",
    ),
)


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "native", tmp_path) as under_test:
        under_test.run(under_test.sink._rollup.shutdown())  # type: ignore[attr-defined]  # driven by hand
        yield under_test


def check(client: Client) -> None:
    for plain, second in EQUAL:
        expected = client.query(plain).result_rows
        assert expected
        assert client.query(second).result_rows == expected, second
    numbers = client.query("SELECT user_id, number FROM person_numbers FINAL").result_rows
    assert len({number for _, number in numbers}) == len(numbers)
    assert {user for user, _ in numbers} == {user for (user,) in client.query("SELECT user_id FROM people").result_rows}


def records(count: int, first: int = 0) -> list[Any]:
    """Events of a few people with three bots over weeks; some of nobody, some without a time."""
    kinds = ("start_command", "user_message", "ai_message", "custom", "user_message")
    made = []
    for number in range(first, first + count):
        attributes = {
            "session.id": f"s{number % 9}",
            "chattrail.persona.id": f"p{number % 3}",
            "chattrail.custom.name": "quiz",
            "chattrail.ai.duration_ms": 100.0 + number,
            "telegram.user.language_code": ("en", "", "de")[number % 3],
            **BOTS[number % 3],
        }
        at = 0 if number % 50 == 7 else AT + number * DAY // 7 - (number % 4) * 20 * DAY
        made.append(event(kinds[number % 5], "" if number % 31 == 3 else f"u{number % 13}", attributes, at=at))
    return made


def test_what_comes_late_or_again_is_in_all_of_them(sink: SinkUnderTest) -> None:
    first = records(150)
    sink.handle(request(*first[::2]))
    sink.settle()
    check(sink.client)
    sink.handle(request(*first[1::2]))  # between and before them
    sink.handle(request(*first[::-3]))  # again, in another batch
    sink.settle()
    check(sink.client)
    before = [sink.rows(second) for _, second in EQUAL]
    recount(sink.client)
    assert [sink.rows(second) for _, second in EQUAL] == before, "the whole makes what the pieces made"


def test_small_pieces_make_what_large_ones_make(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    sink.handle(request(*records(60)))
    second = sink.sink._rollup._recomputation._second  # type: ignore[attr-defined]
    second._rows = dict.fromkeys(second._rows, 7)
    sink.settle()
    check(sink.client)
    monkeypatch.setattr(second_rollups, "PIECE_BYTES", 1_000)
    sink.handle(request(*records(8, 200)))
    sink.settle()
    assert set(second._rows.values()) == {1}, "halved down to the smallest, which got what the server has"
    check(sink.client)


def test_a_quarter_of_an_hour_of_which_nothing_is_left_is_in_no_sum(sink: SinkUnderTest) -> None:
    sink.handle(request(*records(60)))
    sink.settle()
    for table in ("events", "activity", "activity_by_slot"):  # as the rollup does with copies: first it marks them
        if table == "events":
            sink.client.command(
                "INSERT INTO stale_activity (user_id, slot, bot, marked_at) SELECT user_id, slot, bot, now64(6)"
                " FROM activity WHERE user_id = 'u5'"
            )
        sink.client.command(f"DELETE FROM {table} WHERE user_id = 'u5'")
    sink.client.command("DELETE FROM people WHERE user_id = 'u5'")
    sink.client.command("DELETE FROM person_numbers WHERE user_id = 'u5'")
    sink.settle()
    check(sink.client)


def test_two_people_with_one_number_are_told_apart(sink: SinkUnderTest) -> None:
    """As after two sidecars gave out numbers at the same moment."""
    sink.handle(request(*records(60)))
    sink.settle()
    sink.client.command(
        "INSERT INTO person_numbers (user_id, number) SELECT user_id, 1 FROM person_numbers FINAL WHERE number > 4"
    )
    sink.settle()
    check(sink.client)


@pytest.fixture
def earlier(
    clickhouse: EmbeddedClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Client]]:
    """A database of the release before, with its figures."""
    with clickhouse.fresh_database() as name:
        url = clickhouse.dsn(name)
        migrate_before(url, "second_rollups", tmp_path, monkeypatch)
        with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
            client.command(
                "INSERT INTO activity (user_id, slot, bot, computed_at, first_ts, last_ts, last_own_ts, events, messages, starts,"
                " sessions, personas, custom_counts, timed_answers, language_code)"
                " SELECT toString(number % 97), toDateTime('2026-01-31 00:00:00', 'UTC') + 900 * (intDiv(number, 3) % 300) AS slot,"
                " toString(number % 2), now64(6), slot, slot + 5, slot + 5, 2, number % 3, number % 2, [toString(number % 11)],"
                " map('p' || toString(number % 4), 1), map('quiz', 1), number % 5 = 0, if(number % 3 = 0, 'en', '')"
                " FROM numbers(3000)"
            )
            client.command(
                "INSERT INTO activity SELECT * REPLACE (computed_at - 1 AS computed_at, 9 AS events) FROM activity"
            )
            yield url, client


@pytest.mark.parametrize("killed_after", [1, 2, 4])
def test_they_are_filled_from_what_there_was_and_a_fill_that_broke_off_goes_on(
    earlier: tuple[str, Client], monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    url, client = earlier
    figures = "SELECT sum(events), sum(messages), uniqExact(user_id) FROM activity FINAL"
    before = client.query(figures).result_rows
    migrate(url)
    saves, save = 0, filling._save

    async def killed(*args: Any) -> None:
        nonlocal saves
        saves += 1
        if saves > killed_after:
            raise KeyboardInterrupt
        await save(*args)

    monkeypatch.setattr(second_rollups, "SLOTS_ROWS", 150)
    with monkeypatch.context() as patch:
        patch.setattr(filling, "_save", killed)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(fill_at(url))
    asyncio.run(fill_at(url))
    assert client.query(figures).result_rows == before
    for plain, second in (EQUAL[0], *EQUAL[2:]):  # durations come with the marks of the migration
        assert client.query(second).result_rows == client.query(plain).result_rows, second
    marks = "SELECT count() FROM stale_activity FINAL"
    assert client.command(marks) == client.command("SELECT count() FROM activity FINAL"), "all are computed anew"
    copies = client.command("SELECT count() FROM activity_by_slot")
    asyncio.run(fill_at(url))
    assert client.command("SELECT count() FROM activity_by_slot") == copies, "it is done once"


def test_those_of_the_schema_before_are_filled_again(
    earlier: tuple[str, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, client = earlier
    migrate_before(url, "sums_as_arrays", tmp_path, monkeypatch)
    client.command(
        "INSERT INTO rollup_progress (pass, reached, until, month, user_id, slot)"
        " SELECT 'fill', 0, 0, month, '', 0 FROM (SELECT 900003 AS month)"
    )
    migrate(url)
    asyncio.run(fill_at(url))
    for plain, second in (EQUAL[0], *EQUAL[2:]):
        assert client.query(second).result_rows == client.query(plain).result_rows, second


def test_every_count_has_its_place_and_its_name(sink: SinkUnderTest) -> None:
    columns = sink.rows(
        "SELECT name, default_expression FROM system.columns WHERE database = currentDatabase() AND table = 'figures'"
        " AND default_kind IN ('ALIAS', 'MATERIALIZED') ORDER BY position"
    )
    assert columns == [(name, f"counts[{place}]") for place, name in enumerate(COUNTS, 1)]
    names, numbers = ", ".join(COUNTS), ", ".join(map(str, range(1, len(COUNTS) + 1)))
    sink.client.command(
        f"INSERT INTO activity (user_id, slot, bot, computed_at, {names})"
        f" SELECT 'u' || toString(number), toDateTime('2026-03-01 12:00:00', 'UTC'), '42', now64(6), {numbers} FROM numbers(2)"
    )
    recount(sink.client)
    assert sink.rows(f"SELECT grain, {names} FROM figures FINAL ORDER BY grain") == [
        (grain, *(2 * number for number in range(1, len(COUNTS) + 1))) for grain in ("slot", "day")
    ]
