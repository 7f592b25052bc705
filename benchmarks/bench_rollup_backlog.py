"""How long figures take to catch up with a backlog, what its pieces take, and how old new events get meanwhile.

    python -m benchmarks.bench_rollup_backlog [--events 10000000] [--migration]

With `--migration` the backlog is what 0014_bots.sql makes of a database of the release before, whose figures must stay equal.
The events are put into ClickHouse directly, marked as stale like any others; then a sink starts and works the backlog off
while one new event a second goes through it. What each piece took is read from ClickHouse's own log of queries."""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import uuid
from pathlib import Path

import clickhouse_connect
import psutil
import pytest

from benchmarks.report import report
from sidecar.plugins.clickhouse.migrate import migrate
from sidecar.telemetry.metrics import ROLLUP_FAILURES, ROLLUP_ROWS, ROLLUP_SKIPPED, ROLLUP_WAITING
from tests.support import embedded_query_log as query_log
from tests.support.earlier_schema import migrate_before
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

AIM_S, AIM_PIECE_S, AIM_PIECE_MB = 300, 2, 100  # for ten million events on two cores
STEP = 50_000  # events an insert
# Sessions of eight events each, 100 events a person, over 180 days.
EVENTS = """
INSERT INTO events (
    event_id, type, ts, ts_source, sequence, service_name, instance_id, user_id, session_id, username, user_name, persona_id,
    story_id, command, model, input_tokens, output_tokens, duration_ms, attributes)
WITH intDiv(number, 8) AS visit, toUInt32(sipHash64(visit) % intDiv({events:UInt64}, 100)) AS person
SELECT
    generateUUIDv7(number),
    ['user_message', 'ai_message', 'command', 'image_generated', 'user_message', 'ai_message', 'start_command',
     'persona_selected'][1 + number % 8],
    toDateTime64('2026-05-01 00:00:00', 9, 'UTC') + toIntervalSecond(intDiv(visit * 15552000, intDiv({events:UInt64}, 8)))
        + toIntervalSecond(number % 8),
    'event', number, 'bench', 'i', toString(1000000000 + person), toString(visit), 'name', 'Name ' || toString(person),
    'p' || toString(person % 8), 's' || toString(person % 5), 'help', 'm', 100, 200, 812.5,
    map('event.id', 'x', 'user.id', toString(1000000000 + person), 'chattrail.message.text', 'hello ' || toString(number))
FROM numbers({first:UInt64}, {step:UInt64})
"""


# what the release before computed of them, as far as the sums below go
BEFORE = """
INSERT INTO activity (user_id, slot, computed_at, first_ts, last_ts, events, messages, answers, sessions)
SELECT user_id, toStartOfFifteenMinutes(ts) AS slot, now64(6), min(ts), max(ts), count(),
    countIf(type = 'user_message'), countIf(type = 'ai_message'), groupUniqArray(session_id)
FROM events WHERE toYYYYMM(ts) = {month:UInt32} GROUP BY user_id, slot
"""
FIGURES = """
SELECT toYYYYMM(slot) AS month, sum(events), sum(messages), sum(answers), uniq(user_id), min(first_ts), max(last_ts)
FROM activity FINAL WHERE NOT startsWith(user_id, 'new-') GROUP BY month ORDER BY month
"""


def fill(url: str, events: int, folder: Path, is_migration: bool) -> tuple[int, int]:
    """Store and mark; the number of rows of `activity` that are stale, and of people."""
    if is_migration:
        with pytest.MonkeyPatch.context() as patch:
            migrate_before(url, "0014_bots", folder, patch)
    else:
        migrate(url)
    with clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False) as client:
        for first in range(0, events, STEP):
            client.command(EVENTS, parameters={"events": events, "first": first, "step": STEP})
        if is_migration:
            for (month,) in client.query("SELECT DISTINCT toYYYYMM(ts) FROM events").result_rows:
                client.command(BEFORE, parameters={"month": month})
            client.command("TRUNCATE TABLE stale_activity")
            before, began = client.query(FIGURES).result_rows, time.monotonic()
            migrate(url)
            print(f"the migration itself took {time.monotonic() - began:.1f} s", flush=True)
            assert client.query(FIGURES).result_rows == before
        # older than what passes leave to rounds
        client.command(
            "INSERT INTO stale_activity SELECT * REPLACE (marked_at - toIntervalHour(1) AS marked_at) FROM stale_activity"
        )
        ((rows, people),) = client.query(
            "SELECT uniqExact(user_id, slot), uniq(user_id) FROM stale_activity"
        ).result_rows
    return int(rows), int(people)


async def work_off(sink: SinkUnderTest, server: psutil.Process, rows: int) -> tuple[float, list[float], int]:
    """Wait until the backlog is recomputed: seconds, seconds each new event took to be counted, largest RSS in bytes."""
    began, ages, resident = time.monotonic(), [], 0
    client = await clickhouse_connect.get_async_client(dsn=sink.url, autogenerate_session_id=False)
    count = "SELECT count() FROM activity FINAL WHERE user_id = {user:String}"
    try:
        while True:
            user, sent = f"new-{uuid.uuid4().hex}", time.monotonic()
            await sink.sink.handle(sink.batch(request(event("user_message", user))))
            while (await client.query(count, parameters={"user": user})).result_rows[0][0] == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            ages.append(time.monotonic() - sent)
            resident = max(resident, server.memory_info().rss)
            waiting = sink.metrics.value(ROLLUP_WAITING)
            print(f"{waiting:,.0f} rows wait; a new event was counted after {ages[-1]:.2f} s", flush=True)
            if sink.metrics.value(ROLLUP_ROWS) >= rows and waiting == 0:
                return time.monotonic() - began, ages, resident
            await asyncio.sleep(1)
    finally:
        await client.close()


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--migration", action="store_true")
    given, load = parser.parse_args(), os.getloadavg()[0]
    events = given.events
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedClickHouse(Path(folder), program=query_log.PROGRAM) as clickhouse,
    ):
        rows, people = fill(clickhouse.url, events, Path(folder), given.migration)
        server = psutil.Process(clickhouse.pid)
        with sink_on(clickhouse.url, "chattrail", "native", Path(folder) / "sink") as sink:
            before = sink.rows(FIGURES)
            took, ages, resident = sink.run(work_off(sink, server, rows))
            unequal = given.migration and sink.rows(FIGURES) != before
            counted = sink.one("SELECT sum(events) FROM activity FINAL WHERE NOT startsWith(user_id, 'new-')")
            pieces = query_log.took(sink.client, "INSERT INTO activity")
            failures = sink.metrics.value(ROLLUP_FAILURES) + sink.metrics.value(ROLLUP_SKIPPED)
    if counted != events or failures or unequal:
        raise SystemExit(
            f"{counted:,} of {events:,} events were counted, {failures:.0f} rounds failed, unequal: {unequal}"
        )
    done = [piece for piece in pieces if not piece.error]
    header = ("events", "people", "stale rows", "caught up after s", "aim s", "events/s", "pieces", "halved", "longest piece s",
              "aim s", "largest piece MB", "aim MB", "new event counted after s: median", "worst", "ClickHouse RSS MB")  # fmt: skip
    row = (
        f"{events:,}", f"{people:,}", f"{rows:,}", f"{took:.0f}", AIM_S, f"{events / took:,.0f}", f"{len(done):,}",
        f"{len(pieces) - len(done):,}", f"{max(piece.seconds for piece in pieces):.2f}", AIM_PIECE_S,
        f"{max(piece.memory_bytes for piece in pieces) / 1e6:.0f}", AIM_PIECE_MB, f"{statistics.median(ages):.2f}",
        f"{max(ages):.2f}", f"{resident / 1e6:.0f}",
    )  # fmt: skip
    notes = (
        f"Pieces include those of new events and those that ClickHouse ended (halved). All"
        f" {events:,} events were in the figures afterwards. Load of the machine before: {load:.1f}."
    )
    title, flag = (
        ("Figures that learn of bots", " --migration") if given.migration else ("A backlog of stale figures", "")
    )
    report(title, f"python -m benchmarks.bench_rollup_backlog{flag}", header, [row], notes)


if __name__ == "__main__":
    main()
