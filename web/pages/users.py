"""The Users page: all people who ever talked to the bot, one row each."""

from flask import render_template, request

from web.analytics.filters.request import SINGLE
from web.analytics.queries import UsersQuery
from web.context import services
from web.pages.filter_bar import FilterBar
from web.pages.template_context import here, page_bot, request_formats

# Columns after the name: the sort key, and whether small screens leave it out ("wide") or tablets, too ("extra").
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
)
EXPORTED = ("q", "filter", *SINGLE, "bot")  # what chooses people, beside the order and the page


def users() -> str:
    """Render /analytics/users."""
    formats = request_formats()
    query = UsersQuery.read(request.args)
    bot = page_bot()
    page = services.people.page(query, bot)
    filtered = bool(query.q or query.filter)
    newest_known = query.sort == "last_seen" and query.order == "desc" and not filtered and not query.cursor
    return render_template(
        "users.html",
        query=query,
        page=page,
        columns=COLUMNS,
        filter_bar=FilterBar("users", request.args, bot),
        export={name: value for name in EXPORTED if (value := request.args.get(name))},
        newest_at=page.users[0].last_seen if newest_known and page.users else None,
        nobody_yet=not page.users and not filtered and not query.cursor,
        sort_link=lambda column: _sort_link(query, column),
        title=formats.words.text("users.title"),
        status=formats.words.text("users.count", n=page.total, count=formats.number(page.total)),
    )


def _sort_link(query: UsersQuery, column: str) -> str:
    """Where a column's header leads: a second click turns the order round; the default is left out of the address."""
    first = "asc" if column == "name" else "desc"
    other = "desc" if first == "asc" else "asc"
    order = other if column == query.sort and query.order == first else first
    sort = None if column == "last_seen" and order == "desc" else column
    return here(sort=sort, order=None if order == first else order, cursor=None)
