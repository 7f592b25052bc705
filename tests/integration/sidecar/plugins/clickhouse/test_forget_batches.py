"""What was deleted is stored when it is sent again, once ClickHouse has forgotten the batches it knows."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.plugins.clickhouse.deduplication import SETTING, WINDOW, forget
from tests.faults.proxy import Interceptor, Proxy
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.receivers import SidecarProcess
from tests.support.sinks import SinkUnderTest, sink_on

COUNTS = (
    "SELECT (SELECT count() FROM events FINAL), (SELECT count() FROM logs), (SELECT count() FROM dead_letters FINAL)"
)


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with (
        migrated_database(clickhouse) as database,
        sink_on(clickhouse.url, database, "columns", tmp_path) as under_test,
    ):
        yield under_test


def test_what_was_deleted_is_stored_again(sink: SinkUnderTest) -> None:
    body = request(event("command", "7"), LogRecord(severity_text="a log"), event("command", event_id="none"))
    sink.handle(body)
    assert sink.rows(COUNTS) == [(1, 1, 1)]
    for table in ("events", "logs", "dead_letters"):
        sink.client.command(f"DELETE FROM {table} WHERE 1")
    sink.handle(body)
    assert sink.rows(COUNTS) == [(0, 0, 0)], "as the documents say: ClickHouse still knows the batch"
    with SidecarProcess(["forget-batches"], CLICKHOUSE_URL=sink.url) as command:
        assert command.wait() == 0, command.text
    for _ in range(2):  # and once only, then as before
        sink.handle(body)
        assert sink.rows(COUNTS) == [(1, 1, 1)]
    sink.settle()
    assert sink.one("SELECT sum(commands) FROM activity FINAL") == 1


def test_a_run_that_was_killed_is_mended_by_the_next(sink: SinkUnderTest) -> None:
    before = windows(sink)
    sink.client.command(f"ALTER TABLE events MODIFY SETTING {SETTING} = 0")
    assert windows(sink)["events"] == 0
    forget(sink.url)
    assert windows(sink) == before
    assert before["events"] == WINDOW
    assert {"events", "logs", "dead_letters", "dead_letter_origins", "activity"} <= windows(sink).keys()


def windows(sink: SinkUnderTest) -> dict[str, int]:
    """How many tokens each table keeps."""
    query = (
        "SELECT name, toUInt32OrZero(extract(engine_full, {s:String})) FROM system.tables"
        " WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_migrations'"
    )
    return dict(sink.rows(query, s=SETTING + r" = (\d+)"))


def test_a_sidecar_that_starts_mends_what_a_killed_run_left_and_says_so(
    sink: SinkUnderTest, clickhouse: EmbeddedClickHouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = windows(sink)
    for table in ("events", "logs"):
        sink.client.command(f"ALTER TABLE {table} MODIFY SETTING {SETTING} = 0")
    sink.client.command(f"ALTER TABLE activity MODIFY SETTING {SETTING} = 500")
    database = sink.one("SELECT currentDatabase()")
    with sink_on(clickhouse.url, database, "columns", tmp_path / "next") as another:
        assert windows(sink) == {**before, "activity": 500}, "a window that somebody chose is left alone"
        assert "no deduplication of events, logs" in caplog.text
        for _ in range(2):
            another.handle(request(LogRecord(severity_text="a log")))
        assert sink.one("SELECT count() FROM logs") == 1


async def interrupted(url: str, port: int, then: Callable[[Interceptor, SidecarProcess], object]) -> tuple[int, str]:
    """Run forget-batches and interrupt it once ClickHouse has set a window to 0, before the command knows."""
    async with Proxy(port) as proxy:
        interceptor = proxy.intercept(f"{SETTING} = 0".encode(), "reply")
        address = urlsplit(url)._replace(netloc=urlsplit(url).netloc.replace(f":{port}", f":{proxy.port}")).geturl()
        with SidecarProcess(["forget-batches"], CLICKHOUSE_URL=address) as command:
            await asyncio.wait_for(interceptor.reached.wait(), 60)
            then(interceptor, command)
            return await asyncio.to_thread(command.wait), command.text


def test_one_that_is_ended_sets_the_window_again(sink: SinkUnderTest, clickhouse: EmbeddedClickHouse) -> None:
    before = windows(sink)
    for number in (signal.SIGTERM, signal.SIGINT):
        code, _ = asyncio.run(
            interrupted(sink.url, clickhouse.port, lambda _, command, number=number: os.kill(command.pid, number))  # type: ignore[misc]
        )
        assert code != 0
        assert windows(sink) == before


def test_one_that_loses_its_connection_sets_the_window_again(
    sink: SinkUnderTest, clickhouse: EmbeddedClickHouse
) -> None:
    before = windows(sink)
    code, said = asyncio.run(interrupted(sink.url, clickhouse.port, lambda interceptor, _: interceptor.cut()))
    assert (code, "run forget-batches" in said) == (1, True)
    assert windows(sink) == before
