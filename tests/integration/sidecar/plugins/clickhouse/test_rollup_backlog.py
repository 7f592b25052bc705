"""A backlog of stale figures: worked off in bounded pieces, resumed by the next process, never in the way of new events."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.plugin import Clock, Context
from sidecar.plugins.clickhouse import recompute
from sidecar.plugins.clickhouse.keys import Span
from sidecar.plugins.clickhouse.marks import MOST
from sidecar.plugins.clickhouse.migrate import migrations
from sidecar.plugins.clickhouse.passes import Pass
from sidecar.plugins.clickhouse.recompute import FIRST_ROWS, PIECE_BYTES, PIECE_S, Recomputation
from sidecar.plugins.clickhouse.rollup import LONGEST_INSERT_S, SECOND
from sidecar.telemetry.metrics import ROLLUP_ROWS, ROLLUP_SKIPPED, ROLLUP_WAITING, Metrics
from tests.support import embedded_query_log as query_log
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

# Two events in each of so many quarters of an hour, spread over three months and 500 people.
EVENTS = """
INSERT INTO events (event_id, type, ts, ts_source, user_id, input_tokens)
SELECT generateUUIDv4(number), if(number % 2, 'ai_message', 'user_message'),
    toDateTime64('2026-01-01 00:00:00', 9, 'UTC') + toIntervalMinute(15 * intDiv(number, 1000) * {step:UInt32}),
    'event', toString(intDiv(number, 2) % 500), 3
FROM numbers({first:UInt32}, {count:UInt32}) SETTINGS max_partitions_per_insert_block = 0
"""
INSERT_EVENTS = 50_000
FIGURES = "SELECT count(), sum(events), sum(messages), sum(answers), sum(input_tokens) FROM activity FINAL"
RECOMPUTATION = "INSERT INTO activity"
EVERYTHING = Span(0, 4_000_000_000 * SECOND)


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with (
        migrated_database(clickhouse) as database,
        sink_on(clickhouse.url, database, "columns", tmp_path) as under_test,
    ):
        yield under_test


def insert(client: Client, first: int, count: int, step: int) -> None:
    client.command(EVENTS, parameters={"first": first, "count": count, "step": step})


def backlog(sink: SinkUnderTest, slots: int) -> tuple[int, ...]:
    """Store events of so many rows of `activity` and mark them; what the figures must be."""
    step = max(1, 8_000 * 500 // slots)
    for first in range(0, 2 * slots, INSERT_EVENTS):
        insert(sink.client, first, min(INSERT_EVENTS, 2 * slots - first), step)
    return slots, 2 * slots, slots, slots, 6 * slots


def recomputation(
    sink: SinkUnderTest, metrics: Metrics, first_rows: int = FIRST_ROWS, clock: Clock | None = None, **bounds: float
) -> Recomputation:
    context = Context(clock or Clock(), logging.getLogger("recompute"), metrics, Path())
    made = Recomputation(sink.sink._client, context, 10)  # type: ignore[attr-defined]
    made._rows = first_rows
    made._bounds |= bounds
    return made


def test_small_pieces_make_the_same_figures_as_the_whole(sink: SinkUnderTest) -> None:
    expected = backlog(sink, 3_000)
    metrics = Metrics()
    assert sink.run(recomputation(sink, metrics, first_rows=70).whole(EVERYTHING)) == 3_000
    assert metrics.value(ROLLUP_ROWS) == 3_000
    assert sink.rows(FIGURES) == [expected]


class SlowMachine(Clock):
    """Says that every piece takes half a second, whatever its size."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks / 2


def test_pieces_grow_again_where_small_ones_take_no_less(sink: SinkUnderTest) -> None:
    clock, metrics = SlowMachine(), Metrics()
    expected = backlog(sink, 1_000)
    assert sink.run(recomputation(sink, metrics, first_rows=4, clock=clock).whole(EVERYTHING)) == 1_000
    assert clock.looks // 2 < 20
    assert sink.rows(FIGURES) == [expected]


def test_a_piece_that_takes_too_much_memory_is_halved_until_it_fits(sink: SinkUnderTest) -> None:
    expected = backlog(sink, 3_000)
    metrics = Metrics()
    parts = recomputation(sink, metrics, first_rows=3_000, max_memory_usage=12_000_000)
    assert sink.run(parts.whole(EVERYTHING)) == 3_000
    assert parts._rows < 3_000
    assert sink.rows(FIGURES) == [expected]
    assert metrics.value(ROLLUP_SKIPPED) == 0


def test_a_single_row_that_needs_more_gets_what_the_server_has(sink: SinkUnderTest) -> None:
    expected = backlog(sink, 2)
    metrics = Metrics()
    assert sink.run(recomputation(sink, metrics, max_memory_usage=1_000).whole(EVERYTHING)) == 2
    assert sink.rows(FIGURES) == [expected]
    assert metrics.value(ROLLUP_SKIPPED) == 0


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("logged"), program=query_log.PROGRAM) as server:
        yield server


@pytest.fixture
def logged_sink(logged: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with migrated_database(logged) as database, sink_on(logged.url, database, "columns", tmp_path) as under_test:
        under_test.run(under_test.sink._rollup.shutdown())  # type: ignore[attr-defined]
        under_test.client.command("TRUNCATE TABLE IF EXISTS system.query_log")
        yield under_test


def test_no_piece_takes_more_memory_than_it_may_where_the_whole_would(logged_sink: SinkUnderTest) -> None:
    expected = backlog(logged_sink, 60_000)
    unbounded = recomputation(logged_sink, Metrics(), first_rows=60_000, max_memory_usage=0, max_execution_time=10)
    assert logged_sink.run(unbounded.whole(EVERYTHING)) == 60_000
    (whole,) = query_log.took(logged_sink.client, RECOMPUTATION)
    assert whole.memory_bytes > PIECE_BYTES
    metrics = Metrics()
    assert logged_sink.run(recomputation(logged_sink, metrics, first_rows=60_000).whole(EVERYTHING)) == 60_000
    _, *pieces = query_log.took(logged_sink.client, RECOMPUTATION)
    assert [piece.error for piece in pieces if piece.error] != [], "the first one was halved"
    assert max(piece.memory_bytes for piece in pieces) <= PIECE_BYTES
    assert {piece.limit_s for piece in pieces} == {PIECE_S}
    assert metrics.value(ROLLUP_SKIPPED) == 0
    assert logged_sink.rows(FIGURES) == [expected]


@pytest.mark.parametrize(("slots", "slow_s"), [(64, 0.01), (1, 0.2)])
def test_a_piece_that_takes_too_long_is_halved_and_a_single_row_gets_the_time_it_needs(
    logged_sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch, slots: int, slow_s: float
) -> None:
    slow = f"sum(e.tokens_left_out + sleepEachRow({slow_s}))"
    monkeypatch.setattr(recompute, "RECOMPUTE", recompute.RECOMPUTE.replace("sum(e.tokens_left_out)", slow))
    expected = backlog(logged_sink, slots)
    metrics = Metrics()
    assert logged_sink.run(recomputation(logged_sink, metrics, max_execution_time=0.3).whole(EVERYTHING)) == slots
    first, *others = query_log.took(logged_sink.client, RECOMPUTATION)
    assert (first.error, first.limit_s) == (159, 0.3)
    done = [piece for piece in others if not piece.error]
    assert len(done) >= min(slots, 2), "never the whole at once"
    if slots == 1:
        assert [piece.limit_s for piece in others] == [10]
    assert logged_sink.rows(FIGURES) == [expected]
    assert metrics.value(ROLLUP_SKIPPED) == 0


def test_a_row_is_not_left_out_because_the_server_is_short_of_memory(
    sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the server looks at its limits every 4 MiB, which a query for one row may not reach by itself
    large = "sum(e.tokens_left_out) + 0 * length(range(materialize(4000000)))"
    monkeypatch.setattr(recompute, "RECOMPUTE", recompute.RECOMPUTE.replace("sum(e.tokens_left_out)", large))
    expected = backlog(sink, 2)
    metrics = Metrics()
    parts = recomputation(sink, metrics, max_memory_usage=1_000)
    enough = parts._bounds_alone
    parts._bounds_alone = enough | {"max_memory_usage_for_user": 1_000}
    with pytest.raises(ClickHouseError, match="User memory limit"):
        sink.run(parts.whole(EVERYTHING))
    assert metrics.value(ROLLUP_SKIPPED) == 0
    parts._bounds_alone = enough
    assert sink.run(parts.whole(EVERYTHING)) == 2
    assert sink.rows(FIGURES) == [expected]


def test_a_pass_goes_on_where_another_process_stopped(sink: SinkUnderTest) -> None:
    expected = backlog(sink, 3_000)
    metrics = Metrics()
    client: Any = sink.sink._client  # type: ignore[attr-defined]
    now = sink.one("SELECT toUnixTimestamp64Micro(now64(6))")
    killed = Pass("test", 0, client, recomputation(sink, metrics, first_rows=500))
    assert [sink.run(killed.step(now)) for _ in range(2)] == [True, True]
    done = int(metrics.value(ROLLUP_ROWS))
    assert 0 < done < 3_000  # a slow machine makes smaller pieces
    assert killed.waiting == 3_000 - done
    following = Pass("test", 0, client, recomputation(sink, metrics, first_rows=500))
    sink.run(following.load())
    assert following.waiting == 3_000 - done or following.waiting == 3_000  # whole until rows of the span are counted
    while sink.run(following.step(now)):
        pass
    assert metrics.value(ROLLUP_ROWS) == 3_000  # nothing twice
    assert sink.rows(FIGURES) == [expected]
    third = Pass("test", 0, client, recomputation(sink, metrics))
    sink.run(third.load())
    assert (third.reached, third.busy) == (now, False)


def test_new_events_are_counted_while_a_backlog_waits(sink: SinkUnderTest) -> None:
    sink.run(sink.sink._rollup.shutdown())  # type: ignore[attr-defined]  # driven by hand below
    slots, *_ = backlog(sink, 3 * MOST)
    sink.handle(request(event("user_message", "new-person")))
    assert sink.run(sink.sink._rollup._try_step())  # type: ignore[attr-defined]
    assert sink.one("SELECT sum(messages) FROM activity FINAL WHERE user_id = 'new-person'") == 1
    counted = sink.one("SELECT count() FROM activity FINAL")
    assert counted <= MOST < slots  # the newest only: the rest is left to the passes


def test_the_sink_catches_up_with_what_was_marked_while_no_rollup_ran(
    clickhouse: EmbeddedClickHouse, tmp_path: Path
) -> None:
    with migrated_database(clickhouse) as database:
        url = clickhouse.dsn(database)
        with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
            insert(client, 0, 6 * MOST, 130)
            # as if it had been marked long ago: passes leave what is younger to rounds
            client.command(
                "INSERT INTO stale_activity SELECT * REPLACE (marked_at - 3600 AS marked_at) FROM stale_activity"
            )
            client.command(
                "ALTER TABLE stale_activity DELETE WHERE marked_at > now() - 1800 SETTINGS mutations_sync = 1"
            )
        with sink_on(clickhouse.url, database, "columns", tmp_path) as sink:
            seen = []

            async def caught_up() -> None:
                async with asyncio.timeout(120):
                    while sink.one("SELECT count() FROM activity FINAL") < 3 * MOST:
                        seen.append(sink.metrics.value(ROLLUP_WAITING))
                        await asyncio.sleep(0.05)

            sink.run(caught_up())
            assert max(seen) > MOST  # the gauge shows how much is left meanwhile
            assert sink.rows(FIGURES)[0][:2] == (3 * MOST, 6 * MOST)


def test_marks_of_the_release_before_are_taken_over(clickhouse: EmbeddedClickHouse) -> None:
    with clickhouse.fresh_database() as database:
        url = clickhouse.dsn(database)
        with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
            before = [known for known in migrations() if known.name != "stale_activity"]
            number = next(known.version for known in migrations() if known.name == "stale_activity")
            for statement in (s for known in before if known.version < number for s in known.statements(database)):
                client.command(statement)
            insert(client, 0, 200, 1)
            assert client.command("SELECT count() FROM activity_stale") == 100
            for statement in migrations()[number - 1].statements(database):
                client.command(statement)
            assert client.command("SELECT count() FROM stale_activity") == 100
            assert client.command("SELECT count() FROM system.tables WHERE name IN ('activity_stale', 'mark_stale')"
                                  " AND database = currentDatabase()") == 0  # fmt: skip


def test_the_second_pass_is_behind_the_longest_insert() -> None:
    # insert_timeout_s goes up to 600; ClickHouse ends an insert after 300
    assert LONGEST_INSERT_S > 600
