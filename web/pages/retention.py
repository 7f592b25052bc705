"""The Retention page: a table of cohorts; each number leads to its people."""

from collections.abc import Iterator
from datetime import date, timedelta

from flask import render_template, request, url_for

from web.analytics.filters.condition import people_condition
from web.analytics.filters.grammar import CONDITIONS_MAX
from web.analytics.filters.request import read_filter
from web.analytics.filters.tree import Condition, Days, Or, Tree, all_of, parts_of
from web.analytics.ranges import ALL, PRESETS, day_after, local_day, read_range
from web.analytics.retention import (
    DEFAULT_RANGE,
    PERIODS,
    SPLITS,
    Cohort,
    Period,
    Retention,
    RetentionCell,
    RetentionQuery,
    Split,
)
from web.context import services
from web.pages.filter_bar import FilterBar
from web.pages.range_picker import RangePicker
from web.pages.split_values import split_value
from web.pages.template_context import page_bot, request_formats

EXPORTED = ("range", "from", "to", "period", "split", "filter", "bot")
PERIOD_PRESETS = (*(name for name in PRESETS if name != "7d"), ALL)  # a week has too few periods
SHADES = 8  # of a cell's colour: classes `heat-1` and on


def retention() -> str:
    """Render /analytics/retention."""
    formats, zone, bot = request_formats(), services.settings.zone, page_bot()
    selected = read_range(request.args, zone, services.now(), DEFAULT_RANGE)
    query = RetentionQuery.read(request.args)
    bar = FilterBar("retention", request.args, bot)
    who = people_condition(bar.tree, zone, services.now())
    table = services.retention.table(selected, query, services.now(), bot, who)
    cohorts = [each for each in reversed(table.cohorts) if each.people] if query.split == "first" else table.cohorts
    return render_template(
        "retention.html",
        stats=table,
        range_picker=RangePicker(selected.name, DEFAULT_RANGE, table.range.start, table.range.end, PERIOD_PRESETS),
        periods=PERIODS,
        splits=SPLITS,
        cohorts=cohorts,
        columns=max((cell.later for cohort in table.cohorts for cell in cohort.cells), default=0),
        name_of=lambda cohort: _name(table, cohort),
        shade=_shade,
        filter_bar=bar,
        people_of=lambda cohort, cell=None: _people_of(table, cohort, cell),
        export={name: value for name in EXPORTED if (value := request.args.get(name))},
        title=formats.words.text("retention.title"),
        status=formats.words.text("retention.count", n=table.total.people, count=formats.number(table.total.people)),
    )


def _name(table: Retention, cohort: Cohort) -> str:
    """What a row is called: a day, a week by its Monday, a month, or the value that its people share."""
    formats = request_formats()
    if cohort.start is not None:
        return (
            formats.bucket(cohort.start, table.period) if table.period == "month" else formats.day_short(cohort.start)
        )
    return split_value(table.split, cohort.value)


def _shade(cell: RetentionCell) -> int:
    """How strong the colour of a cell is: 0 for nobody, else 1 to SHADES."""
    share = cell.people / cell.of if cell.of else 0
    return min(SHADES, 1 + int(share * SHADES)) if share else 0


def _people_of(table: Retention, cohort: Cohort, cell: RetentionCell | None) -> str | None:
    """Where the people of a row or a cell are listed; None where a filter cannot say so: of very many first periods."""
    zone, tree = services.settings.zone, read_filter(request.args)
    if cohort.value is not None:
        tree = all_of(tree, _shared(table.split, cohort.value))
    elif cohort.start is None and cohort is not table.total:
        return None
    begin = local_day(cohort.start or table.range.start, zone)
    end = local_day((cohort.end or table.range.end) - timedelta(microseconds=1), zone)
    if cell is None:
        return url_for("pages.users", filter=str(all_of(tree, Condition("new", days=Days(first=begin, last=end)))))
    today = local_day(services.now(), zone)
    pairs = [
        all_of(Condition("new", days=new), Condition("active", days=active))
        for new, active in _pairs(begin, end, table.period, cell.later)
        if cohort.start or (active.last and active.last < today)
    ]
    if len(pairs) * 2 + len(parts_of(tree)) > CONDITIONS_MAX:
        return None
    return url_for("pages.users", filter=str(all_of(tree, _any_of(pairs))))


def _pairs(begin: date, end: date, period: Period, later: int) -> Iterator[tuple[Days, Days]]:
    """The days of each first period, and those of the one that is so many later."""
    while begin <= end:
        following = then = day_after(begin, period)
        for _ in range(later - 1):
            then = day_after(then, period)
        yield (
            Days(first=begin, last=following - timedelta(days=1)),
            Days(first=then, last=day_after(then, period) - timedelta(days=1)),
        )
        begin = following


def _shared(split: Split, value: str) -> Tree:
    """What the people of a row have in common."""
    if split == "premium":
        return Condition("telegram_premium", ("yes" if value == "true" else "no",))
    return Condition(split, (value,))


def _any_of(trees: list[Tree | None]) -> Tree | None:
    parts = tuple(tree for tree in trees if tree is not None)
    return Or(parts) if len(parts) > 1 else parts[0] if parts else None
