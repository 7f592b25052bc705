"""Loss accounting whatever is stored: the same as a plain count, and answers of a bounded number of rows."""

import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from sidecar.plugins.clickhouse.migrate import migrations
from tests.support.clock import FakeClock
from tests.support.earlier_schema import migrate_before
from tests.support.embedded import EmbeddedClickHouse
from tests.support.loss_account import NOON, PlainProcess, total
from tests.support.migrated import migrated_database
from tests.support.web_support import BEARER, make_app
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.loss_accounting import ROWS_MAX, loss_accounting
from web.analytics.loss_accounting import GAPS_MAX, INSTANCES_MAX, LossAccounting
from web.analytics.ranges import Window
from web.settings import WebSettings

DAY = timedelta(days=1)
CASES = 12
UNTIMED = (("mixed", 5), ("untimed", 1), ("untimed", 70_000))
EDGES = tuple(edge + step for edge in (65536, 131072, 196608) for step in (-2, -1, 0, 1))


class Counted(ClickHouse):
    """Counts the rows that questions get."""

    seen = 0

    def rows(self, statement: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        found = super().rows(statement, parameters)
        self.seen += len(found)
        return found


class Tables:
    """A database with the schema and no sidecar: rows are put where a sidecar's inserts end up."""

    def __init__(self, client: Client, readonly_url: str) -> None:
        self.client, self.readonly_url = client, readonly_url
        secret = "not-a-secret-but-long-enough-for-one"
        self.store = Counted(
            WebSettings.load({"CHATTRAIL_WEB_CLICKHOUSE_URL": readonly_url, "CHATTRAIL_WEB_SECRET_KEY": secret})
        )

    def put(self, processes: Sequence[PlainProcess]) -> None:
        events, letters, ends = list[list[Any]](), list[list[Any]](), list[list[Any]]()
        for process in processes:
            dropped = {
                f"chattrail.dropped.{name}": str(getattr(process, name)) for name in ("queue_full", "refused", "failed")
            }
            about = {"service_name": "test-bot", "instance_id": process.name, "reached": process.reached}
            labels = {f"chattrail.process.{name}": str(value) for name, value in about.items()} | dropped
            labels["chattrail.process.cut_off"] = str(process.cut_off).lower()
            for number in process.stored:
                events.append([uuid.uuid4(), "command", process.at, number, "test-bot", process.name, "7", dropped])
            for number in process.dead:
                letters.append([process.at, "broken", uuid.uuid4().hex, 0, "", "test-bot", process.name, number])
            if process.reached:
                ends.append(["chattrail_process.ended", labels, int(process.at.timestamp()) * 10**9])
        self._insert("events", events, "event_id type ts sequence service_name instance_id user_id attributes")
        self._insert("dead_letters", letters, "received_at reason batch position raw service_name instance_id sequence")
        self._insert("records", ends, "name attributes time_unix_nano")

    def fill(self, select: str) -> None:
        """Put blocks of one number each into `sequences`."""
        self.client.command(
            "INSERT INTO sequences (service_name, instance_id, block, numbers, first_ts, last_ts)"
            f" SELECT 'test-bot', name, block, bitmapBuild([toUInt32(7)]), at, at FROM ({select})"
            f" SETTINGS max_block_size = 50000, max_threads = 1"
        )

    def read(self, start: datetime = NOON - DAY, end: datetime = NOON + 1000 * DAY) -> LossAccounting:
        self.store.seen = 0
        return loss_accounting(self.store, Window(start, end, None, ZoneInfo("UTC")))

    def _insert(self, table: str, rows: list[list[Any]], columns: str) -> None:
        if rows:
            self.client.insert(table, rows, column_names=columns.split())


@pytest.fixture
def tables(clickhouse: EmbeddedClickHouse) -> Iterator[Tables]:
    with (
        migrated_database(clickhouse) as name,
        clickhouse_connect.get_client(dsn=clickhouse.dsn(name), autogenerate_session_id=False) as client,
    ):
        yield Tables(client, clickhouse.dsn(name, readonly=True))


def numbers(dice: random.Random) -> set[int]:
    """Some numbers of a process: none, stretches with holes, single ones, those about the edges of blocks."""
    found: set[int] = set()
    for _ in range(dice.randrange(3)):
        begin = dice.choice((1, 65536, *EDGES, dice.randrange(1, 200_000)))
        stretch = range(begin, begin + dice.randrange(1, 400))
        found |= set(dice.sample(stretch, dice.randint(1, len(stretch))) if dice.random() < 0.3 else stretch)
        found -= {dice.choice(stretch) for _ in range(dice.randrange(4))}
    return found | set(dice.sample(EDGES, dice.randrange(5)))


def some_process(dice: random.Random, name: str, at: datetime) -> PlainProcess:
    counts = [dice.choice((0, 0, 1, 5, 2**63)) for _ in range(3)]
    reached = dice.choice((0, 0, 3, 70_000, 200_000))
    process = PlainProcess(name, numbers(dice), numbers(dice) if dice.random() < 0.5 else set(), reached=reached, at=at)
    process.cut_off = reached > 0 and dice.random() < 0.7
    if process.stored or reached:  # else nobody tells
        process.queue_full, process.refused, process.failed = counts
    return process


def test_it_is_what_a_plain_count_finds(tables: Tables) -> None:
    cases: list[list[PlainProcess]] = []
    for seed in range(CASES):
        dice, at = random.Random(seed), NOON + seed * DAY
        made = (some_process(dice, f"p-{seed}-{number}", at) for number in range(dice.randrange(1, 5)))
        cases.append([process for process in made if process.emitted])
    tables.put([process for case in cases for process in case])
    for seed, case in enumerate(cases):
        begin = NOON + seed * DAY - DAY / 2
        found = tables.read(begin, begin + DAY)
        emitted, stored = sum(each.emitted for each in case), sum(len(each.stored) for each in case)
        assert (found.emitted, found.stored, found.dropped) == (emitted, stored, emitted - stored), seed
        assert found.reasons == total(case), seed
        assert found.instances == tuple(each.instance() for each in case), seed
        assert found.gaps == tuple([gap for each in case for gap in each.gaps()][:GAPS_MAX]), seed
        assert found.processes == len(case)


def test_answers_are_bounded_with_any_number_of_processes_and_blocks(tables: Tables, tmp_path: Path) -> None:
    processes, blocks, at = 200_001, 20_000, f"toDateTime64('{NOON:%Y-%m-%d %H:%M:%S}', 3, 'UTC')"
    tables.fill(f"SELECT hex(number) AS name, 0 AS block, {at} AS at FROM numbers({processes})")
    tables.fill(
        f"SELECT 'sparse' AS name, toUInt32(pow(2, 24) - 1 - 800 * number) AS block, {at} + 5 AS at FROM numbers({blocks})"
    )
    # numbers that are random, and dead letters that are, too
    tables.put(
        [PlainProcess("random", {1}, {random.Random(n).getrandbits(40) | 1 for n in range(3000)}, at=NOON + DAY)]
    )
    found = tables.read()
    assert tables.store.seen <= 1 + 2 * ROWS_MAX + GAPS_MAX
    assert (found.processes, len(found.instances), len(found.gaps)) == (processes + 2, INSTANCES_MAX, GAPS_MAX)
    assert [each.instance_id for each in found.instances[:2]] == ["random", "sparse"]
    assert found.stored == processes + blocks + 1
    assert found.instances[1].emitted == (2**24 - 1) * 65536 + 7
    assert found.emitted == found.instances[0].emitted + found.instances[1].emitted + 7 * processes
    sparse = tables.read(end=NOON + DAY / 2)
    assert sparse.gaps[0].end == (2**24 - 1) * 65536 + 6
    assert [a.start - 2 == b.end for a, b in zip(sparse.gaps, sparse.gaps[1:], strict=False)] == [True] * 19
    client = make_app(tmp_path, tables.readonly_url, FakeClock(NOON + 2 * DAY)).test_client()
    answer = client.get("/api/analytics/stats?range=7d", headers=BEARER)
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["delivery"]["processes"] == processes + 2


@pytest.mark.parametrize("name", ['it\'s \\ "quoted"\n', "\x00\x1b", "é" * 5000, "{processes:String}"])
def test_a_process_may_have_any_name(tables: Tables, name: str) -> None:
    tables.put([PlainProcess(name, {1, 4, 65536}, {3})])
    found = tables.read()
    assert [(gap.start, gap.end, gap.reason) for gap in found.gaps] == [
        (5, 65535, "unknown"),
        (3, 3, "dead_letters"),
        (2, 2, "unknown"),
    ]
    assert len(found.instances[0].instance_id) <= 300


def test_what_an_earlier_release_counted_in_1970_is_put_right(
    clickhouse: EmbeddedClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clickhouse.fresh_database() as name:
        url, readonly = clickhouse.dsn(name), clickhouse.dsn(name, readonly=True)
        migrate_before(url, "untimed_processes", tmp_path, monkeypatch)
        with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
            tables = Tables(client, readonly)
            zero = datetime(1970, 1, 1, tzinfo=UTC)
            tables.put([PlainProcess("timed", {1, 2}, reached=3), PlainProcess("mixed", {3, 4}, at=NOON)])
            rows = [[uuid.uuid4(), zero, "unknown", NOON + DAY, n, "test-bot", who] for who, n in UNTIMED]
            columns = "event_id ts ts_source received_at sequence service_name instance_id"
            client.insert("events", rows, column_names=columns.split())
            about = {"service_name": "test-bot", "instance_id": "mute", "reached": "2"}
            report = {f"chattrail.process.{key}": value for key, value in about.items()}
            client.insert("records", [["chattrail_process.ended", report]], column_names=["name", "attributes"])
            before = datetime.now(UTC) - DAY
            old = client.query("SELECT instance_id FROM sequences GROUP BY instance_id HAVING min(first_ts) = 0")
            assert sorted(row[0] for row in old.result_rows) == ["mixed", "mute", "untimed"]
            migrate_before(url, "0014_bots", tmp_path, monkeypatch)  # later tables are none that it can be run again on
            found = {each.instance_id: each for each in tables.read().instances}
            assert {who: (each.first_at, each.last_at) for who, each in found.items() if who != "mute"} == {
                "timed": (NOON, NOON),
                "mixed": (NOON, NOON + DAY),
                "untimed": (NOON + DAY, NOON + DAY),
            }
            assert found["mute"].first_at > before
            assert {who: each.stored for who, each in found.items()} == {
                "timed": 2,
                "mixed": 3,
                "untimed": 2,
                "mute": 0,
            }
            assert tables.read(datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)).processes == 0
            (untimed,) = (each for each in migrations() if each.name == "untimed_processes")
            for statement in untimed.statements(name):  # a migration that broke off is run again
                client.command(statement)
            assert {each.instance_id: each for each in tables.read().instances} == found
