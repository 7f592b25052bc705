"""A person's trail: the chat as both sides saw it, newest first, and the facts about the person beside it."""

from collections.abc import Callable

from flask import g, render_template, request

from web.analytics.bots import Bot
from web.analytics.queries import Order, TrailQuery
from web.analytics.trail_models import RECEIVED, TrailEvent
from web.context import services
from web.pages.message_history import numbers_of
from web.pages.safe_text import TEXT_MAX, readable
from web.pages.template_context import here, page_bot, request_formats
from web.pages.timeline import timeline


def trail(client_id: bytes) -> str:
    """Render /analytics/users/{client_id}."""
    query = TrailQuery.read(request.args)
    bot = page_bot(client_id)
    page = services.trails.page(client_id, query, bot)
    related = services.trails.related(client_id, page.events, numbers_of(page.events), bot)
    person = page.user
    nameless = request_formats().words.text("users.nameless")
    name = person.name or (f"@{person.username}" if person.username else nameless)
    return render_template(
        "trail.html",
        query=query,
        page=page,
        person=person,
        name=name,
        persona=persona_name(person.persona_id, bot),
        text_max=TEXT_MAX,
        received={event.id for event in page.events if event.time_source == RECEIVED},
        days=timeline(page.events, services.settings.zone, related),
        address=_addresses(client_id, query.order, {event.id for event in page.events}),
        is_live=query.cursor is None and query.order == "desc",
        newest_at=person.last_seen,
        title=name,
        status=name,
    )


def persona_name(persona_id: str, bot: Bot | None) -> str:
    """A persona by the name that the bot sent, else by its id as words."""
    name = services.figures.persona_name(persona_id, bot) if persona_id else ""
    return readable(name) if name == persona_id else name


def _addresses(client_id: bytes, order: Order, shown: set[str]) -> Callable[[TrailEvent], str]:
    """Make the links to events: a place on this page, or the page that begins with the event."""

    def address(event: TrailEvent) -> str:
        if event.id in shown:
            return f"#e-{event.id}"
        return f"{here(cursor=services.trails.cursor_at(client_id, order, event, g.get('bot')))}#e-{event.id}"

    return address
