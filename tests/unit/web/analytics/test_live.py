"""Counts of an hour and of its last minutes do not contradict one another."""

from datetime import UTC, datetime

from web.analytics.live import Pulse

AT = datetime(2026, 11, 29, 10, tzinfo=UTC)


def test_an_hour_whose_sums_are_behind_has_at_least_its_last_minutes() -> None:
    hour = Pulse(AT, 12, 73, 3, 0)
    assert hour.at_least(Pulse(AT, 15, 166, 2, 1)) == Pulse(AT, 15, 166, 3, 1)
    assert hour.at_least(Pulse(AT, 0, 0, 0, 0)) == hour
