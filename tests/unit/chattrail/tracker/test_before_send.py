"""The callback that sees every record first: what it may change, and what its mistakes cost."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from chattrail.context import UpdateContext
from chattrail.events import Command, UserMessage
from chattrail.record import Record
from tests.unit.chattrail.tracker.bench import ANN, Bench, Breaking


def test_it_may_change_an_event_but_not_which_event_it_is() -> None:
    def change(record: Record) -> Record:
        record.attributes = {
            "extra": [Breaking(), datetime(2026, 1, 1)],  # type: ignore[dict-item]
            "event.id": "mine",
            "event.sequence": 99,
            "chattrail.message.text": "***",
            "": 1,
            "user.id": "7",
        }
        record.event_name = "other"
        record.timestamp = -5
        record.body = b"\xff"  # type: ignore[assignment]
        return record

    bench = Bench(before_send=change)
    bench.tracker.track(UserMessage(text="secret"), user=ANN)
    (record,) = bench.records
    attributes = dict(record.attributes)
    assert record.event_name == "chattrail.user_message"
    assert record.timestamp > 0
    assert list(attributes)[:3] == ["event.id", "event.sequence", "user.id"]
    assert UUID(attributes["event.id"])
    assert attributes["event.sequence"] == 1
    assert attributes["user.id"] == "7"
    assert attributes["chattrail.message.text"] == "***"
    bench.tracker.shutdown()


def test_it_may_withhold_an_event_which_is_no_loss() -> None:
    bench = Bench(before_send=lambda record: None if "command" in record.event_name else record)
    context = UpdateContext(bench.tracker, user=ANN)
    bench.tracker.arrive(Command(name="help"), context)
    bench.tracker.settle(context)
    bench.tracker.track(Command(name="help"), user=ANN)
    bench.tracker.track(UserMessage(text="a"), user=ANN)
    bench.tracker.track(UserMessage(text="b"), user=ANN)
    assert [event["event.sequence"] for event in bench.events] == [1, 2]
    assert (bench.tracker.withheld, bench.tracker.emitted, bench.tracker.dropped) == (2, 2, 0)
    bench.tracker.shutdown()


@pytest.mark.parametrize("answer", [ValueError("secret words"), "text", 5])
def test_its_mistakes_cost_the_event_and_are_counted(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fail(record: Record) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    bench = Bench(before_send=fail)
    with caplog.at_level(logging.WARNING):
        bench.tracker.track(UserMessage(text="a"), user=ANN)
    counts = bench.tracker.counts()
    assert (counts.emitted, dict(counts.losses)) == (1, {"before_send": 1})
    assert "secret words" not in caplog.text
    bench.tracker.shutdown()
