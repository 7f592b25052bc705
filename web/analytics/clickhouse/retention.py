"""Who comes back, from sets of people: who came when (`people`), and who did something when (`figures`)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from web.analytics.bots import Bot
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.models import Span
from web.analytics.people_condition import EVERYBODY, PeopleCondition
from web.analytics.ranges import Range, Window
from web.analytics.retention import (
    LATER_MAX,
    VALUES_MAX,
    Cohort,
    Period,
    Periods,
    Retention,
    RetentionCell,
    RetentionQuery,
    Split,
    period_for,
    periods_of,
)

DAY_S = 86_400
VALUES: Mapping[Split, str] = {
    "first": "''",
    "source": "a.source",
    "language": "a.language_code",
    "persona": "a.persona_id",
    "first_event": "a.first_event",
    "premium": "a.is_premium",
}
Counts = Mapping[int, tuple[int, Mapping[int, int]]]
"""By the number of a first period: how many came then, and how many of them did something in each period."""


class RetentionQueries:
    """Queries for retention: two statements, whatever the range."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def table(
        self,
        asked: Range,
        query: RetentionQuery,
        now: datetime,
        bot: Bot | None = None,
        who: PeopleCondition = EVERYBODY,
    ) -> Retention:
        """The cohorts of a range, of one bot or of all. Raises ClickHouseUnavailableError."""
        reader = BotReader(self._clickhouse, bot)
        window = since_the_first(reader, asked, who)
        period = query.period or period_for(window)
        periods = periods_of(window, period, now)
        edges = [int(edge.timestamp()) for edge in periods.edges]
        rows = reader.rows(
            "retention",
            {
                **who.values,
                "edges": edges,
                "start": edges[0],
                "end": edges[-1],
                "cohorts_end": edges[periods.cohorts],
                "cut_days": sorted({edge // DAY_S * DAY_S for edge in edges if edge % DAY_S}),
                "limit": VALUES_MAX,
            },
            who=who.sql,
            value=VALUES[query.split],
        )
        counts = _by_value(rows, edges)
        everybody = _added(counts.values())
        return Retention(
            bot=bot.bot if bot else None,
            range=Span(periods.edges[0], periods.edges[periods.cohorts], window.zone.key, period),
            generated_at=now,
            period=period,
            split=query.split,
            cut=periods.cut,
            total=_together(everybody, None, periods, period),
            cohorts=_of_periods(everybody, periods, period)
            if query.split == "first"
            else tuple(_together(each, value, periods, period) for value, each in _largest_first(counts)),
        )


def since_the_first(reader: BotReader, asked: Range, who: PeopleCondition) -> Window:
    """The range; all time begins when the first of these people came. Raises ClickHouseUnavailableError."""
    first = 0
    if asked.start is None:
        ((first,),) = reader.rows("first_came", who.values, who=who.sql)
    return asked.since(from_milliseconds(first * 1000) if first else None)


def _by_value(rows: Sequence[Sequence[Any]], edges: list[int]) -> dict[str | None, Counts]:
    places = {edge: number for number, edge in enumerate(edges)}
    found: dict[str | None, dict[int, tuple[int, Mapping[int, int]]]] = defaultdict(dict)
    for is_named, value, edge, people, active in rows:
        back = {places[at]: int(number) for at, number in active}
        found[value if is_named else None][places[edge]] = (int(people), back)
    return dict(found)


def _added(every: Any) -> Counts:
    people: dict[int, int] = defaultdict(int)
    back: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for counts in every:
        for place, (number, active) in counts.items():
            people[place] += number
            for at, those in active.items():
                back[place][at] += those
    return {place: (number, back[place]) for place, number in people.items()}


def _largest_first(counts: Mapping[str | None, Counts]) -> list[tuple[str | None, Counts]]:
    """The most people first, and all others last."""

    def place(item: tuple[str | None, Counts]) -> tuple[bool, int, str]:
        value, of_value = item
        return value is None, -sum(people for people, _ in of_value.values()), value or ""

    return sorted(counts.items(), key=place)


def _of_periods(counts: Counts, periods: Periods, period: Period) -> tuple[Cohort, ...]:
    """A cohort for each period that has begun, people or not."""
    cohorts = []
    for place in range(periods.cohorts):
        people, back = counts.get(place, (0, {}))
        later = [later for later in range(1, LATER_MAX[period] + 1) if periods.has_begun(place + later)]
        cells = tuple(
            RetentionCell(each, back.get(place + each, 0), people, not periods.is_over(place + each)) for each in later
        )
        cohorts.append(Cohort(periods.edges[place], periods.edges[place + 1], None, people, cells if people else ()))
    return tuple(cohorts)


def _together(counts: Counts, value: str | None, periods: Periods, period: Period) -> Cohort:
    """People of several first periods as one cohort: for each distance, those for whom that period is over."""
    cells = []
    for later in range(1, LATER_MAX[period] + 1):
        places = [place for place in counts if periods.is_over(place + later)]
        of = sum(counts[place][0] for place in places)
        if of:
            people = sum(counts[place][1].get(place + later, 0) for place in places)
            cells.append(RetentionCell(later, people, of, so_far=False))
    return Cohort(None, None, value, sum(people for people, _ in counts.values()), tuple(cells))
