"""The Sources page: where people came from, and what became of them; each number leads to its people."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from flask import render_template, request, url_for

from web.analytics.filters.condition import people_condition
from web.analytics.filters.tree import Condition, Days, Tree, all_of
from web.analytics.ranges import local_day, read_range
from web.analytics.sources import SOURCES_RANGE, STAYED_DAYS, NamedSource, Sources, wants_each
from web.context import services
from web.pages.filter_bar import FilterBar
from web.pages.range_picker import RangePicker
from web.pages.template_context import here, page_bot, request_formats

Column = Literal["people", "wrote", "stayed", "paid"]
THOSE: Mapping[Column, tuple[Tree, ...]] = {
    "people": (),
    "wrote": (Condition("messages", ("1",), ">="),),
    "stayed": (Condition("stayed", (str(STAYED_DAYS),), ">="),),
    "paid": (Condition("paid", ("yes",)),),
}


def sources() -> str:
    """Render /analytics/sources."""
    formats, zone, bot = request_formats(), services.settings.zone, page_bot()
    selected = read_range(request.args, zone, services.now(), SOURCES_RANGE)
    bar = FilterBar("sources", request.args, bot)
    who = people_condition(bar.tree, zone, services.now())
    each = wants_each(request.args)
    table = services.sources.table(selected, services.now(), bot, who, each_payload=each)
    return render_template(
        "sources.html",
        stats=table,
        range_picker=RangePicker(selected.name, SOURCES_RANGE, table.range.start, table.range.end),
        filter_bar=bar,
        stayed_days=STAYED_DAYS,
        each=each,
        opened=lambda source: _opened(bar, source),
        people_of=lambda source, column: _people_of(table, bar, source, column),
        title=formats.words.text("sources.title"),
        status=formats.words.text("retention.count", n=table.total.people, count=formats.number(table.total.people)),
    )


def _opened(bar: FilterBar, source: NamedSource) -> str:
    """The page with the payloads that begin so, each by itself; '' for a source that is one payload."""
    if not source.source.endswith("*"):
        return ""
    return here(filter=str(all_of(bar.tree, Condition("source", (source.source,)))), each="1")


def _people_of(table: Sources, bar: FilterBar, source: NamedSource | None, column: Column) -> str:
    """Where the people of a number are listed; None is all sources together."""
    zone = services.settings.zone
    first, last = local_day(table.range.start, zone), local_day(table.range.end - timedelta(microseconds=1), zone)
    if column == "stayed":
        last = min(last, local_day(table.old_enough_until, zone) - timedelta(days=1))
    named = () if source is None else (Condition("source", (source.source,)),)
    tree = all_of(bar.tree, *named, Condition("new", days=Days(first=first, last=last)), *THOSE[column])
    return url_for("pages.users", filter=str(tree))
