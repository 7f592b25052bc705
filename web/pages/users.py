"""The Users page: all people who ever talked to the bot, one row each."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import render_template, request

from web.analytics.filters.request import SINGLE
from web.analytics.queries import TEXT_SORTS, USER_SORTS, UsersQuery
from web.context import services
from web.errors import ParameterError
from web.pages.filter_bar import FilterBar
from web.pages.template_context import here, page_bot, request_formats

# Columns after the name: the sort key, and whether small screens leave it out ("wide") or tablets, too ("extra"). Those behind
# `stars` are shown when an owner chooses them.
COLUMNS = (
    ("last_seen", ""),
    ("first_seen", "extra"),
    ("messages", ""),
    ("bot_messages", "wide"),
    ("answers", "wide"),
    ("pictures", ""),
    ("refreshes", "extra"),
    ("clears", "extra"),
    ("sessions", "wide"),
    ("stars", ""),
    ("commands", "extra"),
    ("failures", "extra"),
    ("source", "wide"),
    ("plan", "wide"),
    ("model", "extra"),
    ("revenue", "wide"),
    ("cost", "wide"),
    ("margin", "wide"),
)
DEFAULT = tuple(name for name, _ in COLUMNS[:10])
NAMES = tuple(name for name, _ in COLUMNS)
SORTED = frozenset(USER_SORTS)
EXPORTED = ("q", "filter", *SINGLE, "bot")  # what chooses people, beside the order and the page


@dataclass(frozen=True, slots=True)
class ColumnMenu:
    """The menu that chooses columns. `query` is what the page was asked with, to lead back to it."""

    names: tuple[str, ...]
    chosen: tuple[str, ...]
    is_on: bool
    query: str


def users() -> str:
    """Render /analytics/users."""
    formats = request_formats()
    query = UsersQuery.read(request.args)
    bot = page_bot()
    page = services.people.page(query, bot)
    chosen = chosen_columns()
    filtered = bool(query.q or query.filter)
    newest_known = query.sort == "last_seen" and query.order == "desc" and not filtered and not query.cursor
    return render_template(
        "users.html",
        query=query,
        page=page,
        columns=[column for column in COLUMNS if column[0] in chosen],
        column_menu=ColumnMenu(NAMES, chosen, services.saved.is_on, urlencode(request.args)),
        sortable=SORTED,
        currency=services.prices.currency if services.prices else "",
        filter_bar=FilterBar("users", request.args, bot),
        export={name: value for name in EXPORTED if (value := request.args.get(name))},
        newest_at=page.users[0].last_seen if newest_known and page.users else None,
        nobody_yet=not page.users and not filtered and not query.cursor,
        sort_link=lambda column: _sort_link(query, column),
        title=formats.words.text("users.title"),
        status=formats.words.text("users.count", n=page.total, count=formats.number(page.total)),
    )


def chosen_columns() -> tuple[str, ...]:
    """The columns that an owner chose last, or the usual ones."""
    for each in services.saved.of("columns"):
        if each.id == "users" and isinstance(each.value, list):
            return tuple(name for name in NAMES if name in each.value)
    return DEFAULT


def read_columns(given: Iterable[str]) -> list[str]:
    """Columns as a form names them, to be saved. Raises ParameterError."""
    wanted = set(given)
    if unknown := wanted - set(NAMES):
        raise ParameterError("column", f"must be of {', '.join(NAMES)}, not {ascii(min(unknown))[:50]}")
    return [name for name in NAMES if name in wanted]


def _sort_link(query: UsersQuery, column: str) -> str:
    """Where a column's header leads: a second click turns the order round; the default is left out of the address."""
    first = "asc" if column in TEXT_SORTS else "desc"
    other = "desc" if first == "asc" else "asc"
    order = other if column == query.sort and query.order == first else first
    sort = None if column == "last_seen" and order == "desc" else column
    return here(sort=sort, order=None if order == first else order, cursor=None)
