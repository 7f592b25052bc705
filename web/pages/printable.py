"""A whole trail as one page for printing: streamed, so that its length is not bound by memory."""

from collections.abc import Iterator
from itertools import chain

from flask import Response, current_app, request

from web.analytics.queries import TrailQuery
from web.analytics.trail_models import TrailPage
from web.context import services
from web.pages.template_context import page_bot
from web.pages.timeline import timeline
from web.pages.timeline_blocks import Day
from web.pages.trail import beside, for_events, name_of
from web.streaming import in_context


def printable(client_id: bytes) -> Response:
    """Render /analytics/users/{client_id}/print, the kind and text of the trail that one comes from included."""
    query, bot = TrailQuery.read(request.args), page_bot(client_id)
    pages = services.trails.whole(client_id, query, bot)
    first = next(pages)  # before anything is sent: it may be an error
    received: set[str] = set()

    def days(pages: Iterator[TrailPage]) -> Iterator[Day]:
        for page in pages:
            received.update(for_events(page.user, page.events)["received"])
            related, sessions = beside(client_id, page.events, bot, is_whole=not (query.kind or query.q))
            yield from timeline(page.events, services.settings.zone, related, sessions)

    name = name_of(first.user)
    given = {**for_events(first.user, ()), "received": received, "person": first.user, "name": name, "title": name}
    given["days"] = days(chain([first], pages))
    current_app.update_template_context(given)
    return Response(in_context(current_app.jinja_env.get_template("print.html").generate(given)))
