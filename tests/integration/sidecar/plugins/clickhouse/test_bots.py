"""The bot joins the key of `activity`: figures stay equal before, during and after, and each event counts to its bot."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client

from sidecar.plugin import Clock, Context
from sidecar.plugins.clickhouse.empty_rows import delete_empty_rows
from sidecar.plugins.clickhouse.migrate import migrate, migrations
from sidecar.plugins.clickhouse.passes import Pass
from sidecar.plugins.clickhouse.recompute import Recomputation
from sidecar.plugins.clickhouse.rollup import SECOND
from sidecar.telemetry.metrics import Metrics
from tests.support.earlier_schema import migrate_before
from tests.support.embedded import EmbeddedClickHouse

# 240 events of 20 people in two months, six in a quarter of an hour: two each of a bot with an id, of a service without, and of
# no service at all
EVENTS = """
INSERT INTO events (event_id, type, ts, ts_source, user_id, session_id, service_name, attributes)
SELECT generateUUIDv4(number), if(number % 2, 'ai_message', 'user_message'),
    toDateTime64('2026-01-31 12:00:00', 9, 'UTC') + toIntervalMinute(45 * intDiv(number, 6) + number % 6), 'event',
    toString(intDiv(number, 6) % 20),
    concat('s', toString(number % 7)), if(number % 3 = 2, '', 'shop'),
    if(number % 3 = 0, map('telegram.bot.id', '42'), map())
FROM numbers(240) SETTINGS max_partitions_per_insert_block = 0
"""
# what the release before would have computed of them
ACTIVITY = """
INSERT INTO activity (user_id, slot, computed_at, first_ts, last_ts, last_own_ts, events, messages, answers, sessions)
SELECT user_id, toStartOfFifteenMinutes(ts) AS slot, now64(6), min(ts), max(ts), maxIf(ts, type = 'user_message'), count(),
    countIf(type = 'user_message'), countIf(type = 'ai_message'), groupUniqArray(session_id)
FROM events GROUP BY user_id, slot SETTINGS max_partitions_per_insert_block = 0
"""
FIGURES = """
SELECT user_id, min(first_ts), max(last_ts), max(last_own_ts), sum(events), sum(messages), sum(answers), uniqExactArray(sessions)
FROM activity FINAL GROUP BY user_id ORDER BY user_id
"""
BY_BOT = "SELECT bot, sum(events), count() FROM activity FINAL GROUP BY bot ORDER BY bot"
NOW = 4_000_000_000 * SECOND


@pytest.fixture
def client(clickhouse: EmbeddedClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A database of the release before, brought up to date without a sidecar to recompute anything."""
    with clickhouse.fresh_database() as name:
        url = clickhouse.dsn(name)
        migrate_before(url, "0014_bots", tmp_path, monkeypatch)
        with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
            client.command(EVENTS)
            client.command(ACTIVITY)
            client.command("TRUNCATE TABLE stale_activity")  # it is all computed
            client.command("CREATE TABLE before AS activity")
            client.command("INSERT INTO before SELECT * FROM activity")
            yield client


async def one_pass(url: str, pieces: int, seen: Any) -> int:
    """Recompute so many pieces of a pass, as a process does that then dies; how many rows were left."""
    http = await clickhouse_connect.get_async_client(dsn=url, autogenerate_session_id=False)
    try:
        recomputation = Recomputation(http, Context(Clock(), logging.getLogger("bots"), Metrics(), Path()), 10)
        step = Pass("longest", 0, http, recomputation)
        await step.load()
        for _ in range(pieces):
            recomputation._rows = 10
            if not await step.step(NOW):
                break
            seen()
        else:
            return step.waiting
        await delete_empty_rows(http)
        return 0
    finally:
        await close(http)


async def close(http: AsyncClient) -> None:
    await http.close()


def test_figures_are_equal_before_in_the_middle_and_after(client: Client, clickhouse: EmbeddedClickHouse) -> None:
    url = clickhouse.dsn(client.database or "")
    expected = client.query(FIGURES).result_rows

    def unchanged() -> None:
        assert client.query(FIGURES).result_rows == expected

    assert [migration.version for migration in migrate(url)] == list(range(14, len(migrations()) + 1))
    unchanged()
    assert asyncio.run(one_pass(url, 2, unchanged)) > 0, "it was killed in the middle"
    by_bot = {bot: events for bot, events, _ in client.query(BY_BOT).result_rows}
    assert 0 < by_bot["42"] < 80
    assert asyncio.run(one_pass(url, 100, unchanged)) == 0
    assert client.query(BY_BOT).result_rows == [("", 80, 40), ("42", 80, 40), ("shop", 80, 40)]
    unchanged()
    assert client.command("SELECT count() FROM activity FINAL WHERE events = 0") == 0
    assert client.query("SELECT service_name, bot_id FROM bots FINAL ORDER BY ALL").result_rows == [
        ("", ""), ("shop", ""), ("shop", "42"),
    ]  # fmt: skip


def test_a_migration_that_broke_off_is_run_again(client: Client, clickhouse: EmbeddedClickHouse) -> None:
    url = clickhouse.dsn(client.database or "")
    migrate(url)
    expected = client.query(FIGURES).result_rows
    client.command("DELETE FROM schema_migrations WHERE version = 14")
    assert [migration.version for migration in migrate(url)] == [14]
    asyncio.run(one_pass(url, 100, lambda: None))
    assert client.query(FIGURES).result_rows == expected
    assert client.query(BY_BOT).result_rows == [("", 80, 40), ("42", 80, 40), ("shop", 80, 40)]


def test_the_bots_can_be_read_as_plain_columns(client: Client, clickhouse: EmbeddedClickHouse) -> None:
    """As Grafana's data source and `SELECT *` need them: `bots` itself holds a state that drivers cannot read."""
    migrate(clickhouse.dsn(client.database or ""))
    at = datetime(2026, 2, 1, tzinfo=UTC)
    state = "arrayReduce('argMaxState', [{name:String}], [{at:DateTime64(3, 'UTC')}])"
    for number, (service, bot, name) in enumerate(
        [("shop", "42", "old"), ("shop", "42", "new"), ("duo", "", ""), ("duo", "7", "x"), ("duo", "8", "x")]
    ):
        given = {"service": service, "bot": bot, "name": name, "at": at + timedelta(days=number)}
        client.command(
            f"INSERT INTO bots SELECT {{service:String}}, {{bot:String}}, {state}, {{at:DateTime64(3, 'UTC')}}", given
        )
    found = client.query("SELECT * FROM shown_bots ORDER BY service_name, bot_id")
    assert found.column_names == ("bot", "stored", "service_name", "bot_id", "username", "last_ts")
    assert [row[:5] for row in found.result_rows] == [
        ("", "", "", "", ""),
        ("duo", "duo", "duo", "", ""),
        ("7", "7", "duo", "7", "x"),
        ("8", "8", "duo", "8", "x"),
        ("42", "shop", "shop", "", ""),
        ("42", "42", "shop", "42", "new"),
    ]
