"""One event of a trail with all that is known of it: a page of its own, which the trail shows in place."""

import json
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from flask import render_template

from web.analytics.bounds import read_number
from web.analytics.person_key import text_of
from web.analytics.trail_models import TrailEvent
from web.context import services
from web.errors import ProblemError
from web.pages.safe_text import readable
from web.pages.template_context import page_bot, request_formats
from web.pages.trail import permalink, persona_name

COST = ("gen_ai.usage.cost", "chattrail.ai.cost")


def event(client_id: bytes, event_id: UUID) -> str:
    """Render /analytics/users/{client_id}/events/{event_id}."""
    bot = page_bot(client_id)
    found = services.trails.event(client_id, event_id, bot)
    if found is None:
        raise ProblemError(404, "No event of this id is stored for this person.", kind="not-found")
    words = request_formats().words
    name = f"event.{found.type}" if words.has(f"event.{found.type}") else f"kind.{found.type}"
    title = words.text(name) if words.has(name) else found.type
    return render_template(
        "event.html",
        event=found,
        facts=[(label, value) for label, value in _facts(found, persona_name(found.persona_id, bot)) if value],
        raw=json.dumps(asdict(found), default=datetime.isoformat, ensure_ascii=False, indent=2),
        permalink=permalink(text_of(client_id), found.id),
        title=title,
        status=title,
    )


def _facts(event: TrailEvent, persona: str) -> list[tuple[str, str]]:
    """Names, as keys of the texts, and values; "" for what is not known."""
    formats, given = request_formats(), event.attributes
    number = {
        name: read_number(given.get(attribute, ""))
        for name, attribute in (
            ("input", "gen_ai.usage.input_tokens"),
            ("output", "gen_ai.usage.output_tokens"),
            ("ai", "chattrail.ai.duration_ms"),
            ("image", "chattrail.image.duration_ms"),
        )
    }
    took = number["ai"] if number["ai"] is not None else number["image"]
    tokens = " → ".join(formats.number(number[name]) for name in ("input", "output") if number[name] is not None)
    requested, responded = given.get("gen_ai.request.model", ""), given.get("gen_ai.response.model", "")
    return [
        ("at", formats.exact(event.at)),
        ("model", responded or requested),
        ("requested", requested if responded and responded != requested else ""),
        ("provider", given.get("gen_ai.provider.name", "")),
        ("duration", formats.duration(took) if took is not None else ""),
        ("tokens", tokens),
        ("cost", next((given[name] for name in COST if name in given), "")),
        ("persona", persona),
        ("story", given.get("chattrail.story.name", "") or readable(event.story_id)),
        ("prompt", given.get("chattrail.image.prompt", "")),
        ("error", event.error or ""),
        ("message", str(event.message_id or "")),
        ("session", event.session_id),
    ]
