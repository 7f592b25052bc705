"""The dead letter alarm: raised when most of a minute's input can't be stored, logged once, cleared by itself."""

import logging
from datetime import UTC, datetime

import pytest

from sidecar.pipeline.dead_letter_alarm import WINDOW_S, DeadLetterAlarm
from sidecar.plugin import Clock
from sidecar.telemetry.loop_guard import SERVICE_NAME
from sidecar.telemetry.metrics import DEAD_LETTER_ALARM, DEAD_LETTERS, Metrics


class HandClock(Clock):
    """Goes when it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


class Bench:
    """An alarm with its clock and metrics."""

    def __init__(self) -> None:
        self.clock, self.metrics = HandClock(), Metrics()
        self.alarm = DeadLetterAlarm(self.clock, self.metrics, logging.getLogger("sidecar"))

    def take(self, records: int, dead: int) -> str:
        """Handle a batch; what the alarm says."""
        if dead:
            self.metrics.add(DEAD_LETTERS, dead, reason="event.id is missing")
        self.alarm.observe(records)
        return self.alarm.reason()

    @property
    def shown(self) -> float:
        return self.metrics.value(DEAD_LETTER_ALARM)


def test_most_is_more_than_half_of_enough() -> None:
    bench = Bench()
    assert bench.take(19, 19) == "", "too few to say anything"
    assert bench.take(19, 0) == "", "just half"
    assert (
        bench.take(1, 1) == "20 of the last 39 records could not be stored and went to dead_letters; "
        "`python -m sidecar dead-letters` says why"
    )
    assert bench.shown == 1
    assert bench.take(1, 0) == ""
    assert bench.shown == 0


def test_what_was_counted_before_is_not_counted_again() -> None:
    bench = Bench()
    bench.take(1000, 30)
    bench.clock.seconds += WINDOW_S + 1
    assert bench.take(40, 10) == ""


def test_it_is_told_once_and_ends_with_the_window(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with caplog.at_level(logging.WARNING, "sidecar"):
        for _ in range(5):
            assert bench.take(10, 9) or caplog.messages == []
            bench.clock.seconds += 1
        bench.clock.seconds += WINDOW_S - 2
        assert bench.alarm.reason() == "", "one batch is left, and it is too small"
        bench.clock.seconds += 1
        assert bench.alarm.reason() == ""
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert caplog.messages[0].startswith("most of the input can't be stored: 18 of the last 20 records")
    assert bench.shown == 0


def test_what_a_sidecar_sent_itself_is_no_poison() -> None:
    bench = Bench()
    bench.metrics.add(DEAD_LETTERS, 100, reason="event.id is missing", source=SERVICE_NAME)
    assert bench.take(40, 10) == ""
    assert bench.take(40, 40).startswith("50 of the last 80")
