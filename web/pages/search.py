"""The Search page: what was written in any chat, the newest first. A result opens in place, with what stands around it."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import render_template, request

from web.analytics.queries import SearchQuery
from web.analytics.ranges import ALL
from web.analytics.search_models import FoundText, SearchPage
from web.context import services
from web.errors import ParameterError
from web.pages.filter_bar import FilterBar
from web.pages.found_text import Piece, excerpt
from web.pages.range_picker import RangePicker
from web.pages.template_context import page_bot, request_formats
from web.pages.trail import permalink

AROUND = 8  # events around a result that is opened


@dataclass(frozen=True, slots=True)
class Result:
    """One text with the words marked; `place` is its event in the trail, `around` the same with little beside it."""

    found: FoundText
    pieces: Sequence[Piece]
    place: str
    around: str


def search() -> str:
    """Render /analytics/search."""
    formats, zone, now, bot = request_formats(), services.settings.zone, services.now(), page_bot()
    query = SearchQuery.read(request.args, zone, now)
    page, is_searchable = None, True
    if query.q:
        try:
            page = services.search.page(query, now, bot)
        except ParameterError as error:
            if error.parameter != "q":
                raise
            is_searchable = False  # no word in it, or too many: to be typed on, and no error
    return render_template(
        "search.html",
        query=query,
        page=page,
        is_searchable=is_searchable,
        results=[_result(found, page.words) for found in page.texts] if page else [],
        range_picker=RangePicker(query.range.name, ALL, query.range.start or now, query.range.end),
        filter_bar=FilterBar("search", request.args, bot),
        title=formats.words.text("search.title"),
        status=_status(page),
    )


def _result(found: FoundText, words: Sequence[str]) -> Result:
    place, around = (permalink(found.client_id, found.id, limit) for limit in (None, AROUND))
    return Result(found, excerpt(found.text, words), place, around)


def _status(page: SearchPage | None) -> str:
    """How many were found: all of them are known on the last page alone."""
    formats = request_formats()
    if page is None:
        return formats.words.text("search.title")
    name = "search.first" if page.next_cursor else "search.found"
    return formats.words.text(name, n=len(page.texts), count=formats.number(len(page.texts)))
