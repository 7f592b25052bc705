"""The filters of a trail: what its events are about, and a text that they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from web.analytics.queries import Kind, TrailQuery

FAILED = "(error_type != '' OR type = 'handler_failed')"
KIND_CONDITIONS: Mapping[Kind, str] = {
    "person": "type = 'user_message'",
    "bot": f"type IN ('bot_message', 'ai_message') AND NOT {FAILED}",
    "pictures": "(type IN ('image_generated', 'image_refresh') OR image_id != '')",
    "commands": (
        "type IN ('start_command', 'command', 'persona_selected', 'story_selected', 'chat_cleared', 'chat_continued',"
        " 'chat_action', 'bot_blocked', 'bot_unblocked')"
    ),
    "payments": "type = 'premium_action'",
    "failures": FAILED,
    "custom": "type = 'custom'",
    "changes": "type IN ('message_edited', 'message_deleted', 'reaction', 'poll')",
}
# What people read of an event; its ids and names of people are in every event of a trail.
TEXTS = (
    "chattrail.message.text", "chattrail.image.prompt", "chattrail.command.name", "chattrail.command.arguments",
    "chattrail.start.payload", "chattrail.persona.name", "chattrail.story.name", "chattrail.custom.name",
    "chattrail.file.name", "chattrail.premium.reason", "exception.message", "error.type",
)  # fmt: skip
HOLDS = f"arrayExists(name -> positionCaseInsensitiveUTF8(attributes[name], {{q:String}}) > 0, [{', '.join(map(repr, TEXTS))}])"


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """A condition on the table of events, and its parameters."""

    condition: str
    parameters: Mapping[str, Any]


def trail_filter(query: TrailQuery) -> TrailFilter:
    """The condition of a query's kind and text."""
    conditions = [f"({KIND_CONDITIONS[query.kind]})"] if query.kind else []
    if query.q:
        conditions.append(HOLDS)
    return TrailFilter(" AND ".join(conditions) or "1", {"q": query.q} if query.q else {})
