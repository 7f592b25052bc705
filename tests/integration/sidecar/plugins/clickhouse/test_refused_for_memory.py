"""Batches that ClickHouse refuses for their size: halved down to the record at fault, and given up for no passing shortage."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.errors import RetryableError
from sidecar.plugins.clickhouse import encoders
from sidecar.plugins.clickhouse.refusals import PATIENCE, REMEMBERED, Refusals
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

MIB = 1 << 20
TABLES = ("events", "logs", "dead_letters")


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with (
        migrated_database(clickhouse) as database,
        sink_on(clickhouse.url, database, "columns", tmp_path) as under_test,
    ):
        yield under_test


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let an insert use so many bytes of memory; 0 lifts the limit."""

    def set_limit(size: int) -> None:
        for settings in (encoders.COMMON_SETTINGS, encoders.BLOCK_SETTINGS, encoders.NATIVE_SETTINGS):
            monkeypatch.setitem(settings, "max_memory_usage", size)

    return set_limit


def counts(sink: SinkUnderTest) -> tuple[Any, ...]:
    return sink.rows(
        "SELECT (SELECT count() FROM events FINAL), (SELECT count() FROM logs), count() FROM dead_letters FINAL"
    )[0]


def test_what_is_too_much_for_one_query_is_stored_in_halves(
    sink: SinkUnderTest, limit: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    limit(24 * MIB)
    logs = [LogRecord(severity_text="equal logs are not one") for _ in range(20_000)]
    body = request(*(event("command") for _ in range(20_000)), *logs)
    for _ in range(2):  # the same again changes nothing
        sink.handle(body)
        assert counts(sink) == (20_000, 20_000, 0)
        assert "(code 241); storing it in halves" in caplog.text


def test_sent_again_when_there_is_room_it_is_still_the_same(
    sink: SinkUnderTest, limit: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    limit(24 * MIB)
    logs = [LogRecord(severity_text="a log") for _ in range(20_000)]
    body = request(*(event("command") for _ in range(20_000)), *logs)
    sink.handle(body)
    assert "(code 241); storing it in halves" in caplog.text
    limit(0)
    sink.handle(body)
    assert counts(sink) == (20_000, 20_000, 0)


def test_a_record_that_no_query_can_take_is_a_dead_letter_and_its_neighbours_are_stored(
    sink: SinkUnderTest, limit: Callable[[int], None]
) -> None:
    limit(64 * MIB)
    huge = event("user_message", attributes={"chattrail.message.text": "x" * (16 * MIB)})
    body = request(event("command"), huge, event("command"))
    for _ in range(2):
        sink.handle(body)
        assert counts(sink) == (2, 0, 1)
    assert sink.rows("SELECT position, reason FROM dead_letters FINAL") == [(1, "ClickHouse refused it with code 241")]
    assert bytes.fromhex(sink.one("SELECT hex(raw) FROM dead_letters FINAL")) == request(huge)


def test_nothing_is_given_up_while_nothing_can_be_stored(sink: SinkUnderTest, limit: Callable[[int], None]) -> None:
    limit(1 * MIB)
    for _ in range(PATIENCE + 1):
        with pytest.raises(RetryableError):
            sink.handle(request(event("command")))
    assert counts(sink) == (0, 0, 0)


def test_a_server_that_is_short_of_memory_is_waited_for(tmp_path: Path) -> None:
    body = request(*(event("command") for _ in range(100_000)))
    with (
        EmbeddedClickHouse(tmp_path, MAX_MEMORY_MB="256", QUERY_MEMORY_MB="4096") as server,
        sink_on(server.url, "chattrail", "columns", tmp_path) as sink,
    ):
        with pytest.raises(RetryableError, match=r"\(total\) memory limit"):
            sink.handle(body)
        assert counts(sink) == (0, 0, 0), "neither in parts nor among the dead letters"


def test_a_shortage_that_lasts_is_met_with_less_at_a_time_and_one_batch_limit_at_once() -> None:
    """With the words of the pinned engine, which the tests above got from it."""
    total = Exception("Code: 241. DB::Exception: (total) memory limit exceeded: would use 256.55 MiB")
    own = Exception("Code: 241. DB::Exception: Query memory limit exceeded: would use 512.98 MiB")
    refusals = Refusals()
    for _ in range(PATIENCE):
        assert not refusals.is_too_large("a")
        assert not refusals.note("a", total), "no reason to give anything up"
    assert refusals.is_too_large("a")
    assert refusals.note("b", own)
    assert refusals.is_too_large("b")
    for number in range(REMEMBERED):
        refusals.note(str(number), total)
    assert not refusals.is_too_large("a"), "a bounded number is remembered"


def test_equal_halves_are_not_taken_for_one_sent_twice(sink: SinkUnderTest) -> None:
    sink.client.command("ALTER TABLE logs ADD CONSTRAINT no_spam CHECK severity_text != 'spam'")
    logs = [LogRecord(severity_text="ham") for _ in range(8)]
    sink.handle(request(*logs[:6], LogRecord(severity_text="spam"), *logs[6:]))
    assert counts(sink) == (0, 8, 1)
