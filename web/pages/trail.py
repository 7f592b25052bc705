"""A person's trail: the chat as both sides saw it, newest first, and the facts about the person beside it."""

from flask import render_template, request

from web.analytics.queries import TrailQuery
from web.analytics.trail_models import RECEIVED
from web.context import services
from web.pages.safe_text import TEXT_MAX
from web.pages.template_context import request_formats
from web.pages.timeline import timeline


def trail(client_id: bytes) -> str:
    """Render /analytics/users/{client_id}."""
    query = TrailQuery.read(request.args)
    page = services.trails.page(client_id, query)
    person = page.user
    nameless = request_formats().words.text("users.nameless")
    name = person.name or (f"@{person.username}" if person.username else nameless)
    return render_template(
        "trail.html",
        query=query,
        page=page,
        person=person,
        name=name,
        text_max=TEXT_MAX,
        received={event.id for event in page.events if event.time_source == RECEIVED},
        days=timeline(page.events, services.settings.zone),
        is_live=query.cursor is None and query.order == "desc",
        newest_at=person.last_seen,
        title=name,
        status=name,
    )
