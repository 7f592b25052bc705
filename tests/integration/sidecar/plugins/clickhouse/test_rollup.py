"""The figures of the ClickHouse sink as counted by hand: nothing twice, nothing lost, whatever comes late or again."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

from tests.support.conversation import MINUTE, NOON, conversation
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on

FIGURES = """
SELECT sum(events), sum(messages), sum(answers), sum(answer_failures), sum(pictures), sum(starts), sum(commands), sum(payments),
       sum(refunds), sum(stars), sum(blocks), sum(input_tokens), sum(answer_ms), count()
FROM activity FINAL
"""
EXPECTED = (9, 1, 1, 1, 1, 1, 2, 1, 1, 60.0, 1, 10, 812.5, 3)


def test_events_become_rows_and_figures(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    sink.settle()
    assert sink.rows(FIGURES) == [EXPECTED]
    assert sink.rows(
        "SELECT user_id, slot, user_name, personas, command_counts, last_block_event FROM activity FINAL ORDER BY user_id, slot"
    ) == [
        ("11", datetime(2026, 3, 1, 12, 0), "Ann", {"luna": 1}, {"start": 1}, ""),
        ("11", datetime(2026, 3, 1, 12, 15), "Ann", {}, {}, ""),
        ("12", datetime(2026, 3, 1, 12, 0), "Bob", {}, {"help": 1}, "bot_blocked"),
    ]  # fmt: skip
    message = sink.rows(
        "SELECT ts, text, chat_id, persona_id, service_name, instance_id FROM events FINAL WHERE type = 'user_message'"
    )
    assert message == [(datetime(2026, 3, 1, 12, 1), "hi", 11, "luna", "test-bot", "i-1")]


def test_what_only_the_bot_did_is_not_the_persons_own(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    sink.settle()
    assert sink.rows("SELECT last_own_ts FROM activity FINAL ORDER BY user_id, slot") == [
        (datetime(2026, 3, 1, 12, 1),),
        (datetime(1970, 1, 1),),  # an image alone
        (datetime(2026, 3, 1, 12, 1),),  # a block later on is none: it may have been noticed when the bot sent
    ]


def test_the_same_body_three_times_changes_nothing(sink: SinkUnderTest) -> None:
    body = request(*conversation())
    for _ in range(3):
        sink.handle(body)
        sink.settle()
    assert sink.one("SELECT count() FROM events") == 9  # without FINAL: the token already kept the doubles out
    assert sink.rows(FIGURES) == [EXPECTED]


def test_the_same_events_split_otherwise_and_reordered_change_no_figure(sink: SinkUnderTest) -> None:
    logs = conversation()
    sink.handle(request(*logs))
    sink.settle()
    for part in (logs[::-1][:4], logs[::-1][4:], logs[2:5]):
        sink.handle(request(*part))
        sink.settle()
    assert sink.one("SELECT count() FROM events") == 9 + 4 + 5 + 3  # other bodies, so other tokens
    assert sink.one("SELECT count() FROM events FINAL") == 9
    assert sink.rows(FIGURES) == [EXPECTED]


def test_late_events_reach_the_figures_of_closed_days(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    sink.settle()
    sink.handle(request(event("user_message", "11", at=NOON + 4 * MINUTE)))
    sink.settle()
    assert sink.rows("SELECT sum(messages), sum(events), count() FROM activity FINAL") == [(2, 10, 3)]


def test_the_rollup_follows_by_itself(sink: SinkUnderTest) -> None:
    sink.handle(request(*conversation()))
    deadline = time.monotonic() + 10
    while sink.one("SELECT sum(events) FROM activity FINAL") != 9:
        assert time.monotonic() < deadline, "the rollup task did not run"
        sink.run(asyncio.sleep(0.05))


def test_a_new_process_finishes_the_rollup_of_one_that_died(sink: SinkUnderTest, tmp_path: Path) -> None:
    sink.handle(request(*conversation()))
    encoder = "native"
    with sink_on(sink.url, sink.url.rsplit("/", 1)[1], encoder, tmp_path / "second") as second:
        second.settle()
        assert second.rows(FIGURES) == [EXPECTED]


def test_people_of_any_id_are_counted_and_hold_up_nobody(sink: SinkUnderTest) -> None:
    ids = [
        "x" * 1_000_000,
        *("y" * 400 + str(number) for number in range(5)),
        "\x00",
        "a\t\n\\'b",
        "%",
        "🙂" * 75,
        "🙂" * 76,
        "z",
    ]
    sink.sink._rollup._recomputation._rows = 2  # type: ignore[attr-defined]
    for user in ids:
        sink.handle(request(event("user_message", user, at=NOON), event("user_message", user, at=NOON + 20 * MINUTE)))
    sink.settle()
    assert dict(sink.rows("SELECT user_id, sum(messages) FROM activity FINAL GROUP BY user_id")) == dict.fromkeys(
        ids, 2
    )
