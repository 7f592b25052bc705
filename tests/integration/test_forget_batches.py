"""What was deleted is stored when it is sent again, once ClickHouse was told to forget the batches it knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.plugins.clickhouse.deduplication import SETTING, WINDOW, forget
from tests.embedded import EmbeddedClickHouse
from tests.otlp import event, request
from tests.receivers import SidecarProcess
from tests.sinks import SinkUnderTest, sink_on

COUNTS = (
    "SELECT (SELECT count() FROM events FINAL), (SELECT count() FROM logs), (SELECT count() FROM dead_letters FINAL)"
)


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with clickhouse.fresh_database() as database, sink_on(clickhouse.url, database, "native", tmp_path) as under_test:
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
    sink.client.command(f"ALTER TABLE events MODIFY SETTING {SETTING} = 0")
    forget(sink.url)
    windows = sink.rows(
        "SELECT name, toUInt32OrZero(extract(engine_full, {s:String})) FROM system.tables WHERE database = currentDatabase()"
        " AND engine LIKE '%MergeTree' AND name != 'schema_migrations'",
        s=SETTING + r" = (\\d+)".replace("\\\\", "\\"),
    )
    assert all(window for _, window in windows)
    assert dict(windows)["events"] == WINDOW
    assert {"events", "logs", "dead_letters", "dead_letter_origins", "activity"} <= {n for n, _ in windows}
