"""The one line for an event that is no message, and the line that opens for one that failed."""

from contextlib import suppress
from datetime import UTC, datetime

from web.analytics.bounds import read_number
from web.analytics.trail_models import TrailEvent
from web.pages.timeline_blocks import Badge, Failure

FAILURES = ("ai_message", "image_generated", "handler_failed")
BADGE_ICONS = {
    "start_command": "route",
    "command": "terminal",
    "persona_selected": "drama",
    "story_selected": "book-open",
    "image_refresh": "refresh-cw",
    "chat_cleared": "trash-2",
    "chat_continued": "rotate-ccw",
    "chat_action": "users",
    "premium_action": "crown",
    "bot_blocked": "ban",
    "bot_unblocked": "circle-check",
    "message_deleted": "trash-2",
    "reaction": "smile",
    "poll": "vote",
    "custom": "tag",
}
BADGE_DETAILS = {
    "start_command": "chattrail.start.payload",
    "command": "chattrail.command.arguments",
    "chat_cleared": "chattrail.chat.messages",
    "chat_continued": "chattrail.chat.idle_s",
    "poll": "chattrail.message.text",
}
# Of a type with an action: the attribute, and the actions that have words of their own with their icons.
ACTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "premium_action": (
        "chattrail.premium.action",
        {
            "offered": "crown", "invoice_sent": "receipt", "paid": "star", "refused": "circle-x", "refunded": "undo-2",
            "cancelled": "circle-x", "resumed": "rotate-ccw", "expired": "clock",
        },
    ),
    "chat_action": (
        "chattrail.chat.action",
        {
            "join_requested": "user-plus", "boosted": "rocket", "boost_removed": "rocket", "generation_stopped": "circle-stop",
            "business_connected": "plug", "business_disconnected": "plug",
        },
    ),
    "poll": ("chattrail.poll.action", {"voted": "vote", "retracted": "undo-2", "closed": "circle-stop"}),
}  # fmt: skip
PROPERTY = "chattrail.property."
PROPERTIES_MAX = 30


def failure(event: TrailEvent) -> Failure:
    """The line of an event that failed."""
    attributes = event.attributes
    details = [
        ("error", event.error or attributes.get("error.type", "")),
        ("message", attributes.get("exception.message", "") or (event.text if event.type == "ai_message" else "")),
        ("handler", attributes.get("chattrail.handler", "")),
        ("model", attributes.get("gen_ai.request.model", "")),
        ("prompt", attributes.get("chattrail.image.prompt", "")),
    ]
    words = f"failure.{event.type if event.type in FAILURES else 'event'}"
    return Failure(event.id, event.at, event.type, words, event.error or "", [each for each in details if each[1]])


def badge(event: TrailEvent) -> Badge:
    """The one line for an event that is no message. An event of an unknown type shows its name."""
    attributes, kind = event.attributes, event.type
    if kind not in BADGE_ICONS:
        return Badge(event.id, event.at, kind, "circle-alert", "event.unknown", kind)
    made = Badge(event.id, event.at, kind, BADGE_ICONS[kind], f"event.{kind}")
    made.more = attributes.get(BADGE_DETAILS.get(kind, ""), "")
    if kind == "start_command" and attributes.get("chattrail.start.returning") == "true":
        made.words = "event.start_returning"
    elif kind == "command":
        made.subject = "/" + attributes.get("chattrail.command.name", "").lstrip("/")
    elif kind in ("persona_selected", "story_selected"):
        noun = kind.removesuffix("_selected")
        made.subject = attributes.get(f"chattrail.{noun}.name") or attributes.get(f"chattrail.{noun}.id", "")
    elif kind in ("chat_cleared", "chat_continued"):
        made.number = read_number(made.more)
    elif kind == "bot_blocked":
        made.tone = "bad"
    elif kind == "custom":
        made.subject = attributes.get("chattrail.custom.name", "")
        named = sorted(name for name in attributes if name.startswith(PROPERTY))
        made.properties = [(name.removeprefix(PROPERTY), attributes[name]) for name in named[:PROPERTIES_MAX]]
    elif kind == "reaction":
        made.subject = attributes.get("chattrail.reaction.emoji", "")
        side = "bot" if attributes.get("chattrail.side") == "bot" else "person"
        made.words = f"event.reaction_{side}" if made.subject else f"event.reaction_back_{side}"
    if kind in ACTIONS:
        _name_action(made, event)
    if kind == "premium_action":
        _pay(made, event)
    return made


def _name_action(made: Badge, event: TrailEvent) -> None:
    name, icons = ACTIONS[event.type]
    action = event.attributes.get(name, "")
    prefix = "premium" if event.type == "premium_action" else event.type
    made.icon = icons.get(action, made.icon)
    made.words = f"event.{prefix}_{action if action in icons else 'other'}"
    made.subject = "" if action in icons else action
    correct = event.attributes.get("chattrail.poll.correct")
    if correct in ("true", "false"):
        made.notes.append(f"event.poll_{'right' if correct == 'true' else 'wrong'}")


def _pay(made: Badge, event: TrailEvent) -> None:
    attributes = event.attributes
    action = attributes.get("chattrail.premium.action", "")
    made.tone = {"paid": "paid", "refused": "bad"}.get(action, "")
    plan = attributes.get("chattrail.premium.plan", "")
    if not made.subject:
        made.subject = plan
    elif plan:
        made.more = plan
    amount, currency = attributes.get("chattrail.premium.amount", ""), attributes.get("chattrail.premium.currency", "")
    number = read_number(amount)
    if number is not None:
        made.price = number, currency
    elif amount:
        made.more = f"{made.more} {amount} {'★' if currency == 'XTR' else currency}".strip()
    if (subscription := attributes.get("chattrail.premium.subscription")) in ("first", "renewal"):
        made.notes.append(f"event.premium_{subscription}")
    made.reason = attributes.get("chattrail.premium.reason", "")
    until = read_number(attributes.get("chattrail.premium.until", ""))
    if until is not None:
        with suppress(ValueError, OverflowError, OSError):
            made.until = datetime.fromtimestamp(until, UTC)
