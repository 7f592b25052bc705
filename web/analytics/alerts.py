"""Alerts on figures: a rule, the windows that it looks at, and whether a figure is outside of what is normal.

A rule is saved as the kind `alert`; docs/api.md describes its fields.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from statistics import median
from typing import Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

from web.analytics.filters.grammar import parse
from web.analytics.models import Stats
from web.analytics.ranges import local_day, midnight
from web.errors import ParameterError

Comparison = Literal["above", "below", "unusual"]
AlertWindow = Literal["1h", "1d"]
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
WINDOWS: tuple[AlertWindow, ...] = get_args(AlertWindow)
QUIET_H_MAX = 168
WEEKS = 4  # of the usual range: the same weekday and hour in each
WEEKS_MIN = 3
SPREAD = 3 * 1.4826  # times the median absolute deviation: three standard deviations where values are normal
DAY, HOUR, WEEK = timedelta(days=1), timedelta(hours=1), timedelta(weeks=1)

# What can be watched. All of them are counts that grow within a window.
FIGURES: Mapping[str, Callable[[Stats], float]] = {
    "people": lambda stats: stats.figures.people.value,
    "new_people": lambda stats: stats.figures.new_people.value,
    "messages": lambda stats: stats.figures.messages.value,
    "bot_messages": lambda stats: stats.figures.bot_messages.value,
    "answers": lambda stats: stats.figures.answers.value,
    "pictures": lambda stats: stats.figures.pictures.value,
    "stars": lambda stats: stats.figures.stars.value,
    "payments": lambda stats: stats.premium.payments,
    "ai_failures": lambda stats: stats.ai.failures,
    "picture_failures": lambda stats: stats.pictures.failed,
    "failures": lambda stats: stats.failures,
    "blocked": lambda stats: stats.blocks.blocked,
}


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A figure of a bot ('' for all) and of the people of a filter, and when it is worth a message.

    `threshold` belongs to above and below; for `quiet_h` hours after a message the rule begins no other alert.
    """

    figure: str
    bot: str
    filter: str
    comparison: Comparison
    threshold: float | None
    window: AlertWindow
    quiet_h: int

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "AlertRule":
        """Read what a form or the API saved. Raises ParameterError naming the field."""
        figure, comparison, window = (given.get(name) for name in ("figure", "comparison", "window"))
        for name, value, known in (
            ("figure", figure, tuple(FIGURES)), ("comparison", comparison, COMPARISONS), ("window", window, WINDOWS),
        ):  # fmt: skip
            if value not in known:
                raise ParameterError(name, f"must be one of {', '.join(known)}")
        texts = {name: given.get(name) or "" for name in ("bot", "filter")}
        for name, value in texts.items():
            if not isinstance(value, str):
                raise ParameterError(name, "must be a text")
        parse(texts["filter"])
        threshold = None if comparison == "unusual" else _number("threshold", given.get("threshold"), 1e15)
        quiet = int(_number("quiet_h", given.get("quiet_h", 6), QUIET_H_MAX))
        return cls(
            str(figure), texts["bot"], texts["filter"], cast("Comparison", comparison), threshold,
            cast("AlertWindow", window), quiet,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class NormalRange:
    """Between what a figure is as it should be; None where there is no such end."""

    low: float | None
    high: float | None

    def has(self, value: float) -> bool:
        """Whether a value lies in it."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class AlertState:
    """How a rule stands, by the window that decides: the last whole one, or the current one where that is above already.

    `fault` says why a rule cannot be looked at; then, and without enough weeks to know what is usual, `holds` is false.
    """

    id: str
    name: str
    figure: str
    bot: str
    filter: str
    comparison: Comparison
    window: AlertWindow
    quiet_h: int
    start: datetime
    end: datetime
    value: float
    low: float | None
    high: float | None
    holds: bool
    fault: str


@dataclass(frozen=True, slots=True)
class Alerts:
    """All rules and how they stand, by name. `timezone` is that in which hours and days begin."""

    timezone: str
    alerts: tuple[AlertState, ...]


def window_at(moment: datetime, window: AlertWindow, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The hour or day of the zone that a moment lies in."""
    if window == "1d":
        day = local_day(moment, zone)
        return midnight(day, zone), midnight(day + DAY, zone)
    local = moment.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    begin = moment - into
    return begin, begin + HOUR


def weeks_before(start: datetime, window: AlertWindow, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The same hour or day of the weeks before, by the clock on the wall: the newest first."""
    local = start.astimezone(zone)
    return [window_at((local - WEEK * count).astimezone(UTC), window, zone) for count in range(1, WEEKS + 1)]


def usual_range(values: Sequence[float]) -> NormalRange:
    """The median and what lies about it: three standard deviations as the weeks differ, and never less than chance would make."""
    if len(values) < WEEKS_MIN:
        return NormalRange(None, None)
    middle = median(values)
    deviation = median([abs(value - middle) for value in values])
    # four weeks that are alike say little: counts differ by their square root, and what is small by a few
    spread = max(SPREAD * deviation, 3 * max(middle, 0) ** 0.5, middle / 4, 3)
    low = ceil(middle - spread)  # for counts the same as the fraction, and easier to read
    return NormalRange(low if low > 0 else None, floor(middle + spread))


def _number(name: str, given: Any, highest: float) -> float:
    try:
        value = float(given) if not isinstance(given, bool) else None
    except (TypeError, ValueError):
        value = None
    if value is None or not 0 <= value <= highest:
        raise ParameterError(name, f"must be a number from 0 to {highest:g}")
    return value
