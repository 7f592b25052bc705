"""The Users page: all people who ever talked to the bot, one row each."""

from flask import render_template, request

from web.analytics.queries import UsersQuery, is_language_code
from web.context import services
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
FILTERS = ("paid", "blocked")
EXPORTED = ("q", "paid", "blocked", "language", "event", "bot")  # what chooses people, beside the order and the page
LANGUAGES_SHOWN = 4


def users() -> str:
    """Render /analytics/users."""
    formats = request_formats()
    query = UsersQuery.read(request.args)
    bot = page_bot()
    page = services.people.page(query, bot)
    filtered = bool(query.q or query.language or query.event or query.paid is not None or query.blocked is not None)
    languages = [each.code for each in services.figures.languages(bot) if is_language_code(each.code)][:LANGUAGES_SHOWN]
    if query.language and query.language not in languages:
        languages.append(query.language)
    newest_known = query.sort == "last_seen" and query.order == "desc" and not filtered and not query.cursor
    return render_template(
        "users.html",
        query=query,
        page=page,
        columns=COLUMNS,
        filters=FILTERS,
        languages=languages,
        filtered=filtered,
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
