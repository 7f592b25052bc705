"""Ranges and buckets: whole local days, right across clock changes, gapless."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.analytics.ranges import Window, local_day, midnight, read_range
from web.errors import ParameterError

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo",
    "Africa/Cairo", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "Asia/Tehran", "America/St_Johns",
]  # fmt: skip


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_seven_days_are_today_and_the_six_before() -> None:
    asked = read_range({}, BERLIN, at("2026-11-22T15:49:36"))
    assert asked.start == at("2026-11-15T23:00")
    assert asked.end == at("2026-11-22T16:00")
    window = asked.since(None)
    assert window.bucket == "day"
    assert len(window.edges()) == 7
    assert window.previous_start is not None
    assert window.start - window.previous_start == window.end - window.start


def test_dates_are_both_included_and_not_beyond_now() -> None:
    now = at("2026-11-22T15:49:36")
    asked = read_range({"from": "2026-11-01", "to": "2026-11-02"}, BERLIN, now)
    assert (asked.start, asked.end) == (at("2026-10-31T23:00"), at("2026-11-02T23:00"))
    assert read_range({"from": "2026-11-20", "to": "2026-12-24"}, BERLIN, now).end == at("2026-11-22T16:00")
    assert read_range({"from": "2026-11-20"}, BERLIN, now).end == at("2026-11-22T16:00")


def test_the_day_of_a_clock_change_has_23_or_25_hours() -> None:
    now = at("2026-12-01T12:00")
    spring = read_range({"from": "2026-03-29", "to": "2026-03-29"}, BERLIN, now).since(None)
    autumn = read_range({"from": "2026-10-25", "to": "2026-10-25"}, BERLIN, now).since(None)
    assert (spring.bucket, len(spring.edges())) == ("hour", 23)
    assert (autumn.bucket, len(autumn.edges())) == ("hour", 25)


def test_midnight_that_a_clock_skips_is_the_instant_it_jumps_to() -> None:
    # Lebanon's clocks go from 00:00 to 01:00 on 29 March 2026
    beirut = ZoneInfo("Asia/Beirut")
    start = midnight(date(2026, 3, 29), beirut)
    assert local_day(start, beirut) == date(2026, 3, 29)
    assert local_day(start - timedelta(seconds=1), beirut) == date(2026, 3, 28)


@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(date(2015, 1, 1), date(2035, 1, 1)),
    days=st.integers(1, 1500),
    minutes=st.integers(0, 95),
)
def test_buckets_cover_the_range_without_gaps_and_begin_at_local_midnights(
    zone: str, first: date, days: int, minutes: int
) -> None:
    place = ZoneInfo(zone)
    start = midnight(first, place)
    end = midnight(first + timedelta(days=days), place) + timedelta(minutes=15 * minutes)
    window = Window(start, end, None, place)
    edges = window.edges()
    assert edges[0] == start
    assert edges == sorted(set(edges))
    assert edges[-1] < end
    assert len(edges) <= 200
    if window.bucket == "day":
        spanned = {
            local_day(start + timedelta(minutes=15 * step), place)
            for step in range(int((end - start) / timedelta(minutes=15)))
        }
        assert [local_day(edge, place) for edge in edges] == sorted(spanned)
    if window.bucket != "hour":
        for edge in edges:
            assert local_day(edge - timedelta(seconds=1), place) < local_day(edge, place)


def test_all_time_begins_on_the_day_of_the_first_event() -> None:
    asked = read_range({"range": "all"}, BERLIN, at("2026-11-22T15:49:36"))
    window = asked.since(at("2024-02-03T23:30"))
    assert window.start == at("2024-02-03T23:00")
    assert (window.previous_start, window.bucket) == (None, "month")
    assert asked.since(None).start == at("2026-11-21T23:00")


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"range": "8d"}, "range"),
        ({"range": "7d", "from": "2026-01-01"}, "range"),
        ({"from": "2026-13-01", "to": "2026-01-01"}, "from"),
        ({"from": "yesterday", "to": "2026-01-01"}, "from"),
        ({"from": "20260101", "to": "2026-01-02"}, "from"),
        ({"from": "2026-W01-1", "to": "2026-01-02"}, "from"),
        ({"to": "2026-01-01"}, "from"),
        ({"from": "2026-01-02", "to": "2026-01-01"}, "from"),
        ({"from": "2027-01-02", "to": "2027-01-03"}, "from"),
        ({"from": "0001-01-01", "to": "2026-01-01"}, "from"),
        ({"from": "2026-01-01", "to": "9999-12-31"}, "to"),
    ],
)
def test_a_bad_range_names_its_parameter(arguments: dict[str, str], parameter: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_range(arguments, BERLIN, at("2026-11-22T15:49:36"))
    assert caught.value.parameter == parameter
