"""`texts` holds each text once, whatever comes late, twice or goes again, and whenever the table came to be."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.plugins.clickhouse import texts
from sidecar.plugins.clickhouse.keys import START, Span
from sidecar.plugins.clickhouse.marks import FOREVER, Marks
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

AT = 1_772_366_400 * 10**9  # 2026-03-01 12:00 UTC
DAY = 86_400 * 10**9
FOUND = "SELECT DISTINCT user_id, toString(event_id), side, text, words FROM texts ORDER BY ts, event_id"


@pytest.fixture
def sink(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> Iterator[SinkUnderTest]:
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "native", tmp_path) as under_test:
        under_test.run(under_test.sink._rollup.shutdown())  # type: ignore[attr-defined]  # driven by hand
        yield under_test


def message(text: str, at: int = AT, kind: str = "user_message", user: str = "u1", **more: Any) -> Any:
    return event(kind, user, {"chattrail.message.text": text, **more}, at=at)


def words(sink: SinkUnderTest) -> list[str]:
    return [row[4] for row in sink.rows(FOUND)]


def test_words_are_small_letters_and_digits_of_any_script(sink: SinkUnderTest) -> None:
    written = (
        "Сонижка, «мир»: ещё ЁЖ!", "no\u00a0break — don't", "Ünïcode café", "１２ ｆｕｌｌ", "и\u0306", "a_b c2", "हिन्दी शब्द",
        "👍 !?",
    )  # fmt: skip
    sink.handle(request(*(message(text, AT + number) for number, text in enumerate(written))))
    sink.settle_texts()
    assert words(sink) == [
        " сонижка мир еще еж", " no break don t", " ünïcode café", " 12 full", " й", " a b c2", " हिन्दी शब्द",
    ]  # fmt: skip
    assert sink.one("SELECT count() FROM text_words FINAL WHERE word IN ('мир', 'сонижка', 'еж', 'full', 'don')") == 5


def test_whose_text_it_is_and_which_attributes_it_is_from(sink: SinkUnderTest) -> None:
    sink.handle(
        request(
            message("asked", AT),
            message("answered", AT + 1, "ai_message"),
            message("mended", AT + 2, "message_edited", **{"chattrail.side": "person"}),
            message("mended by it", AT + 3, "message_edited", **{"chattrail.side": "bot"}),
            event("image_generated", "u1", {"chattrail.image.prompt": "a fox"}, at=AT + 4),
            event(
                "command", "u1", {"chattrail.command.name": "find", "chattrail.command.arguments": "my keys"}, at=AT + 5
            ),
            message("see this", AT + 6, **{"chattrail.file.name": "tax.pdf"}),
            event("custom", "u1", {"chattrail.custom.name": "quiz_finished"}, at=AT + 7),
            event("start_command", "u1", {"chattrail.start.payload": "summer"}, at=AT + 8),
        )
    )
    sink.settle_texts()
    assert [(side, text) for _, _, side, text, _ in sink.rows(FOUND)] == [
        ("person", "asked"), ("bot", "answered"), ("person", "mended"), ("bot", "mended by it"), ("bot", "a fox"),
        ("person", "my keys"), ("person", "see this\ntax.pdf"),
    ]  # fmt: skip


def test_what_comes_again_is_stored_once_and_what_comes_late_as_well(sink: SinkUnderTest) -> None:
    records = [message(f"text {number}", AT + number * DAY // 3, user=f"u{number % 5}") for number in range(60)]
    sink.handle(request(*records[::2]))
    sink.settle_texts()
    sink.handle(request(*records[1::2]))
    sink.handle(request(*records[::-3]))
    sink.settle_texts()
    sink.settle_texts()
    assert sorted(row[3] for row in sink.rows(FOUND)) == sorted(f"text {number}" for number in range(60))
    assert sink.one("SELECT count() FROM texts") == 60  # what is there is not stored again, not even for a while


def test_a_copy_that_is_deleted_from_events_is_no_text_either(sink: SinkUnderTest) -> None:
    again = str(UUID("019b2f0e-5f5c-8b1c-9d5e-3a9d2c9b7f10"))
    for number in range(2):  # an event without a time of its own, delivered twice
        sink.handle(request(message("pressed", AT + number * 10**9, **{"event.id": again})))
    sink.settle_texts()
    assert sink.one("SELECT count() FROM texts") == 2
    sink.settle()
    sink.settle_texts()
    assert [row[1] for row in sink.rows(FOUND)] == [again]


def test_what_was_stored_before_is_worked_off_from_the_newest_month_on(
    sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "ROWS", 4)
    odd = "o" * 400  # too long for a saved place
    users = ["u1", "u2", "u3", odd, odd + "x"]
    sink.handle(
        request(*(message(f"t{number}", AT - number * DAY * 5, user=users[number % 5]) for number in range(40)))
    )
    sink.settle()
    sink.client.command("TRUNCATE TABLE stale_activity")
    rollup = sink.sink._rollup  # type: ignore[attr-defined]
    fill = rollup._text_passes[2]
    months = []
    while sink.run(fill.step(0)):
        months.append(fill._key.month)
        restarted = texts.TextFill(rollup._client, fill._texts)  # a process that goes on from what was saved
        sink.run(restarted.load())
        assert restarted._key == fill._key
    assert months == sorted(months, reverse=True)
    assert months[-1] == 0
    assert len(set(months)) > 6
    assert not fill.busy
    assert {row[3] for row in sink.rows(FOUND)} == {f"t{number}" for number in range(40)}
    assert sink.one("SELECT count() FROM texts") == 40


def test_a_piece_that_is_too_much_is_halved(sink: SinkUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    sink.handle(request(*(message(f"t{number}", AT, user=f"u{number}") for number in range(9))))
    work = sink.sink._rollup._text_passes[0]._work  # type: ignore[attr-defined]
    run, sizes = work._client.raw_query, []

    async def refuse(text: str, parameters: Any, settings: Any) -> Any:
        sizes.append(len(parameters["rows"]))
        if len(parameters["rows"]) > 2 or ("max_memory_usage" in settings and parameters["people"] == [b"u4".hex()]):
            error = ClickHouseError("memory")
            error.code = 241  # type: ignore[attr-defined]
            raise error
        return await run(text, parameters=parameters, settings=settings)

    monkeypatch.setattr(work._client, "raw_query", refuse)
    assert sink.run(work.next(Span(0, FOREVER), START)).rows == 9
    assert {row[3] for row in sink.rows(FOUND)} == {f"t{number}" for number in range(9)}
    assert sizes[0] == 9
    assert max(sizes[1:]) < 9
    assert sink.run(work.marked(Span(0, 1), Marks(0, 0, 0, frozenset()), is_round=False)) is None


def test_the_sidecar_itself_stores_them_and_says_when_all_are_there(
    clickhouse: EmbeddedClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "BEHIND", 0)
    monkeypatch.setattr("sidecar.plugins.clickhouse.passes.SHORTEST_SPAN", 0)
    monkeypatch.setattr("sidecar.plugins.clickhouse.rollup.LOOK_AGAIN_S", 0.1)
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "native", tmp_path) as sink:
        sink.handle(request(message("hello there")))
        done = "SELECT count() FROM rollup_progress FINAL WHERE pass = 'texts fill' AND month = 0"
        while not words(sink) or not sink.one(done):
            sink.run(wait())


async def wait() -> None:
    """Let the sink's own task run."""
    await asyncio.sleep(0.05)
