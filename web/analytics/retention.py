"""Retention: of those who came first in a period, how many came back in each later one. Parameters, periods and models.

A period is a day, a week from Monday or a month of the deployment's zone, so it has the hours that the clock gives it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, cast, get_args

from web.analytics.models import Bucket, Span
from web.analytics.queries import choice
from web.analytics.ranges import Window, day_after, first_day_of, local_day, midnight

Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = get_args(Period)
Split = Literal["first", "source", "language", "persona", "first_event", "premium"]
SPLITS: tuple[Split, ...] = get_args(Split)
COHORTS_MAX = 60  # the newest of a longer range
LATER_MAX: Mapping[Period, int] = {"day": 30, "week": 26, "month": 24}
VALUES_MAX = 20
DEFAULT_RANGE = "90d"


@dataclass(frozen=True, slots=True)
class RetentionQuery:
    """Periods of which length (None: what suits the range), and cohorts by `first` period or by what people are."""

    period: Period | None = None
    split: Split = "first"

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> "RetentionQuery":
        """Read `period` and `split`. Raises ParameterError."""
        period = choice(arguments, "period", PERIODS, "day") if arguments.get("period") else None
        return cls(cast("Period | None", period), cast("Split", choice(arguments, "split", SPLITS, "first")))


@dataclass(frozen=True, slots=True)
class RetentionCell:
    """Who came back `later` periods after their first one: `people` out of `of`. Of a period that goes on, it is `so_far`."""

    later: int
    people: int
    of: int
    so_far: bool


@dataclass(frozen=True, slots=True)
class Cohort:
    """People who came first in one period (`start`, `end`), or who have a `value` in common; both are empty for all people.

    What is not of one period has whole periods only, and of each those people alone for whom it is over.
    """

    start: datetime | None
    end: datetime | None
    value: str | None
    people: int
    cells: tuple[RetentionCell, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """Cohorts in order of time, or the largest first; the value None is all others.

    `cut` says that the range is longer, and these are its newest cohorts.
    """

    bot: str | None
    range: Span
    generated_at: datetime
    period: Period
    split: Split
    cut: bool
    total: Cohort
    cohorts: tuple[Cohort, ...]


@dataclass(frozen=True, slots=True)
class Periods:
    """Consecutive periods by their first instants and the end of the last one; people who came in the first `cohorts` count."""

    edges: tuple[datetime, ...]
    cohorts: int
    now: datetime
    cut: bool

    def has_begun(self, number: int) -> bool:
        """Whether there can be anybody in a period yet."""
        return number < len(self.edges) - 1 and self.edges[number] <= self.now

    def is_over(self, number: int) -> bool:
        """Whether nobody can come any more."""
        return self.has_begun(number) and self.edges[number + 1] <= self.now


def period_for(window: Window) -> Period:
    """What makes a table that can be read of a range."""
    days = (window.end - window.start).total_seconds() / 86400
    return "day" if days <= 31.5 else "week" if days <= 200 else "month"


def periods_of(window: Window, period: Period, now: datetime) -> Periods:
    """Whole periods: those that touch the range, and behind them as many as people can have come back in."""
    bucket: Bucket = period
    last = local_day(window.end, window.zone)
    if midnight(last, window.zone) == window.end:  # the end is the next day's beginning
        last = date.fromordinal(last.toordinal() - 1)
    starts = [first_day_of(local_day(window.start, window.zone), bucket)]
    while (following := day_after(starts[-1], bucket)) <= last:
        starts.append(following)
    cut = len(starts) > COHORTS_MAX
    starts = starts[-COHORTS_MAX:]
    cohorts, today = len(starts), local_day(now, window.zone)
    for _ in range(LATER_MAX[period]):
        if (following := day_after(starts[-1], bucket)) > today:
            break
        starts.append(following)
    edges = tuple(midnight(day, window.zone) for day in (*starts, day_after(starts[-1], bucket)))
    return Periods(edges, cohorts, now, cut)
