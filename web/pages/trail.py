"""A person's trail: the chat as both sides saw it, reading downwards, and the facts about the person beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import render_template, request, url_for

from web.analytics.bots import Bot
from web.analytics.queries import KINDS, TrailQuery
from web.analytics.trail_models import RECEIVED, Session, TrailEvent, UserRow
from web.context import services
from web.pages.message_history import numbers_of
from web.pages.safe_text import TEXT_MAX, readable
from web.pages.template_context import here, page_bot, request_formats
from web.pages.timeline import timeline


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a trail that a page shows, in order of time, and the addresses of what lies around it.

    `itself` is the address of this part with all that comes after it: what a live page asks for. `begins` says that the part is
    to be read from its beginning, and not from its end.
    """

    person: UserRow
    events: tuple[TrailEvent, ...]
    earlier: str | None
    later: str | None
    itself: str | None
    begins: bool

    @property
    def is_newest(self) -> bool:
        """Whether nothing comes after it yet."""
        return self.later is None


def trail(client_id: bytes) -> str:
    """Render /analytics/users/{client_id}."""
    query = TrailQuery.read(request.args)
    bot = page_bot(client_id)
    window = _window(client_id, query, bot)
    related, sessions = beside(client_id, window.events, bot, is_whole=not (query.kind or query.q))
    person = window.person
    name = name_of(person)
    return render_template(
        "trail.html",
        query=query,
        kinds=KINDS,
        window=window,
        person=person,
        name=name,
        persona=persona_name(person.persona_id, bot),
        days=timeline(window.events, services.settings.zone, related, sessions),
        **for_events(person, window.events),
        newest_at=person.last_seen,
        title=name,
        status=name,
    )


def name_of(person: UserRow) -> str:
    """What to call a person."""
    nameless = request_formats().words.text("users.nameless")
    return person.name or (f"@{person.username}" if person.username else nameless)


def persona_name(persona_id: str, bot: Bot | None) -> str:
    """A persona by the name that the bot sent, else by its id as words."""
    name = services.figures.persona_name(persona_id, bot) if persona_id else ""
    return readable(name) if name == persona_id else name


def for_events(person: UserRow, events: Sequence[TrailEvent]) -> dict[str, Any]:
    """What the templates of events use beside them."""
    return {
        "text_max": TEXT_MAX,
        "received": {event.id for event in events if event.time_source == RECEIVED},
        "address": _addresses(person.client_id, {event.id for event in events}),
        "details": lambda event_id: url_for("pages.event", client_id=person.client_id, event_id=event_id),
    }


def permalink(client_id: str, event_id: str, limit: int | None = None) -> str:
    """The address that opens a trail at an event, with `limit` events around it."""
    return url_for("pages.trail", client_id=client_id, event=event_id, limit=limit, _anchor=f"e-{event_id}")


def _addresses(client_id: str, shown: set[str]) -> Callable[[TrailEvent], str]:
    """Make the links to events: a place on this page, or the page that opens at the event."""
    return lambda event: f"#e-{event.id}" if event.id in shown else permalink(client_id, event.id)


def _window(client_id: bytes, query: TrailQuery, bot: Bot | None) -> Window:
    """The part that the parameters name: around an event, from a day on, behind or before a cursor, or the newest."""
    trails = services.trails
    if query.event and not query.cursor:
        half = max(query.limit // 2, 1)
        after = trails.page(client_id, replace(query, order="asc", limit=half), bot)
        before = trails.page(
            client_id, replace(query, order="desc", event=None, limit=half, cursor=after.previous_cursor), bot
        )
        events = (*reversed(before.events), *after.events)
        earlier, later, begins = before.next_cursor, after.next_cursor, True
        person = after.user
    else:
        if query.date and not query.cursor:
            query = replace(query, order="asc")
        page = trails.page(client_id, query, bot)
        if query.date and not page.events:  # nothing has come since that day
            page = trails.page(client_id, query := replace(query, order="desc", date=None), bot)
        begins, person = query.order == "asc", page.user
        events = page.events if begins else (*reversed(page.events),)
        is_end = query.cursor is None and query.date is None  # nothing lies on the other side
        around = page.previous_cursor if not is_end else None
        earlier, later = (around, page.next_cursor) if begins else (page.next_cursor, around)
    itself = trails.cursor_from(client_id, events[0], query, bot) if events else None
    return Window(
        person=person,
        events=events,
        earlier=_elsewhere(order=None, cursor=earlier) if earlier else None,
        later=_elsewhere(order="asc", cursor=later) if later else None,
        itself=_elsewhere(order="asc", cursor=itself, limit="200") if itself else None,
        begins=begins,
    )


def _elsewhere(**place: str | None) -> str:
    return here(date=None, event=None, **place)


def beside(
    client_id: bytes, events: Sequence[TrailEvent], bot: Bot | None, *, is_whole: bool
) -> tuple[tuple[TrailEvent, ...], dict[str, Session]]:
    """Other events about the same messages, and the sessions, which only a trail without filters is divided by."""
    trails = services.trails
    related, sessions = services.clickhouse.together(
        lambda: trails.related(client_id, events, numbers_of(events), bot),
        lambda: trails.sessions(client_id, events, bot) if is_whole else {},
    )
    return related, sessions
