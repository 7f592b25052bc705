"""Rules of alerts: what is read, which windows they look at, and what is usual."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from web.analytics.alerts import AlertRule, NormalRange, usual_range, weeks_before, window_at
from web.errors import ParameterError

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
RULE: dict[str, Any] = {"figure": "messages", "comparison": "above", "threshold": "5", "window": "1h", "quiet_h": "0"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"figure": "people_"}, {"figure": None}, {"figure": ["people"]}, {"comparison": ""}, {"window": "2h"}, {"threshold": ""},
        {"threshold": "nan"}, {"threshold": -1}, {"threshold": True}, {"threshold": None}, {"quiet_h": 169}, {"quiet_h": "x"},
        {"filter": "lang:en"}, {"filter": 5}, {"bot": {"a": 1}},
    ],
)  # fmt: skip
def test_a_field_that_is_wrong_is_named(changes: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as caught:
        AlertRule.read({**RULE, **changes})
    assert caught.value.parameter == next(iter(changes))


def test_what_is_saved_is_read_again() -> None:
    rule = AlertRule.read({**RULE, "filter": "language:ru", "bot": "42", "kind": "alert"})
    assert rule == AlertRule("messages", "42", "language:ru", "above", 5.0, "1h", 0)
    assert AlertRule.read({**RULE, "comparison": "unusual", "threshold": ""}).threshold is None


def test_hours_and_days_begin_where_the_zone_has_them() -> None:
    assert window_at(at("2026-11-29T08:59:59"), "1h", KOLKATA) == (at("2026-11-29T08:30"), at("2026-11-29T09:30"))
    assert window_at(at("2026-11-29T23:30"), "1d", BERLIN) == (at("2026-11-29T23:00"), at("2026-11-30T23:00"))
    assert window_at(at("2026-10-25T12:00"), "1d", BERLIN) == (at("2026-10-24T22:00"), at("2026-10-25T23:00")), (
        "25 hours"
    )


def test_weeks_before_have_the_same_time_on_the_wall() -> None:
    starts = [start for start, _ in weeks_before(at("2026-11-08T08:00"), "1h", BERLIN)]  # 9:00, winter since 25 October
    assert starts == [at("2026-11-01T08:00"), at("2026-10-25T08:00"), at("2026-10-18T07:00"), at("2026-10-11T07:00")]
    days = weeks_before(at("2026-11-07T23:00"), "1d", BERLIN)
    assert days[1] == (at("2026-10-24T22:00"), at("2026-10-25T23:00"))


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([100, 100], None, None),  # too few weeks
        ([0, 0, 0, 0], None, 3),
        ([100, 100, 100, 100], 70, 130),  # chance alone: three times the root
        ([10_000, 10_000, 10_000], 7_500, 12_500),  # a quarter
        ([100, 100, 100, 9_000], 70, 130),  # one odd week changes nothing
    ],
)
def test_what_is_usual_is_robust_and_never_narrow(values: list[float], low: float | None, high: float | None) -> None:
    assert usual_range(values) == NormalRange(low, high)


def test_a_figure_that_swings_has_a_wide_range() -> None:
    found = usual_range([100, 200, 300, 400])
    assert found == NormalRange(None, 694)  # 250 + 3 × 1.4826 × 100
    assert found.has(0)
    assert not found.has(700)
