"""What a round of the rollup asks of ClickHouse: a few statements, whatever it has to do, and none that an address can't hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.plugins.clickhouse.keys import Span
from sidecar.plugins.clickhouse.marks import FOREVER, NAMED, newest
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

NOON = 1_772_366_400 * 10**9
LONGEST_ADDRESS = 8_000  # bytes, as proxies and servers have it


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "auto", tmp_path) as under_test:
        under_test.run(under_test.sink._rollup.shutdown())  # type: ignore[attr-defined]  # driven by hand
        yield under_test


@pytest.fixture
def asked(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the rollup has asked: the beginning of each statement, and how many bytes its address had."""
    asked: list[tuple[str, int]] = []
    backend = sink.sink._client._backend  # type: ignore[attr-defined]
    send = backend.request

    async def sent(data: Any, params: dict[str, str], *args: Any, **options: Any) -> Any:
        assert "client_protocol_version" not in params, "each query would be analysed twice"
        texts = [data, (options.get("files") or {}).get("query"), params.get("query")]
        text = str(next(text for text in texts if text))
        lines = [line for line in text.splitlines() if line and not line.startswith("--")]
        asked.append((lines[0].split("(")[0].strip(), sum(len(f"{key}={value}&") for key, value in params.items())))
        return await send(data, params, *args, **options)

    monkeypatch.setattr(backend, "request", sent)
    return asked


def run_round(sink: SinkUnderTest) -> None:
    sink.run(sink.sink._rollup._round(due=True))  # type: ignore[attr-defined]


def messages(people: range, minute: int = 0) -> bytes:
    return request(*(event("user_message", f"u{number}", at=NOON + minute * 60 * 10**9) for number in people))


def test_a_round_is_six_statements_and_one_more_for_new_people(
    sink: SinkUnderTest, asked: list[tuple[str, int]]
) -> None:
    usual = [
        "SELECT",
        "SELECT hex",
        "INSERT INTO activity",
        "INSERT INTO figures",
        "INSERT INTO choices",
        "INSERT INTO people",
    ]
    sink.handle(messages(range(10)))
    asked.clear()
    run_round(sink)
    assert [text for text, _ in asked] == [*usual[:3], "INSERT INTO person_numbers", *usual[3:]]
    sink.handle(messages(range(10), minute=1))
    asked.clear()
    run_round(sink)
    assert [text for text, _ in asked] == usual
    assert sink.rows("SELECT sum(messages), groupBitmapMerge(people) FROM figures FINAL WHERE grain = 'day'") == [
        (20, 10)
    ]


def test_no_statement_is_more_than_an_address_holds(sink: SinkUnderTest, asked: list[tuple[str, int]]) -> None:
    sink.handle(messages(range(NAMED)))
    asked.clear()
    run_round(sink)
    assert max(size for _, size in asked) < LONGEST_ADDRESS
    assert sink.one("SELECT sum(messages) FROM people FINAL WHERE of_all") == NAMED


def test_copies_are_deleted_by_keys_that_no_address_holds(sink: SinkUnderTest, asked: list[tuple[str, int]]) -> None:
    sink.client.command(
        "INSERT INTO events (event_id, type, ts, ts_source, user_id)"
        " SELECT toUUID('00000000-0000-8000-8000-' || leftPad(toString(number % 500), 12, '0')), 'user_message',"
        " toDateTime64('2026-03-01 12:00:00', 9, 'UTC') + intDiv(number, 500), 'event', 'u' || toString(number % 500)"
        " FROM numbers(1000)"
    )
    asked.clear()
    run_round(sink)
    run_round(sink)
    assert max(size for _, size in asked) < LONGEST_ADDRESS
    assert sink.rows("SELECT count() FROM events") == [(500,)]
    assert sink.one("SELECT sum(messages) FROM people FINAL WHERE of_all") == 500


@pytest.mark.parametrize("odd", ["a'b", "\\", "x" * 65, "🙂"])
def test_ids_that_are_no_plain_text_are_counted_by_their_marks(sink: SinkUnderTest, odd: str) -> None:
    sink.handle(messages(range(3)))
    sink.handle(request(event("user_message", odd, at=NOON)))
    client = sink.sink._client  # type: ignore[attr-defined]
    assert sink.run(newest(client, Span(0, FOREVER))).rows == frozenset()
    run_round(sink)
    assert dict(sink.rows("SELECT user_id, messages FROM people FINAL WHERE of_all")) == {
        odd: 1, "u0": 1, "u1": 1, "u2": 1,
    }  # fmt: skip


def test_a_few_rows_that_are_too_much_at_once_are_cut_into_pieces(
    sink: SinkUnderTest, asked: list[tuple[str, int]]
) -> None:
    recomputation = sink.sink._rollup._recomputation  # type: ignore[attr-defined]
    sink.handle(messages(range(3)))
    recomputation._bounds["max_memory_usage"] = 1_000
    asked.clear()
    run_round(sink)
    assert len(asked) > 10
    assert sink.one("SELECT sum(messages) FROM people FINAL WHERE of_all") == 3
