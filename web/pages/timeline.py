"""A trail as a chat: events become bubbles, badges and failures, grouped into turns and days.

The order of the events stays, newest or oldest first. Consecutive messages of one side within one minute are a turn;
consecutive turns of one minute show its time once, at their end. An image and its caption, two events of one Telegram
message, share a bubble.
"""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from web.analytics.bounds import read_number
from web.analytics.trail_models import TrailEvent
from web.pages.event_fallback import log_unshown
from web.pages.timeline_blocks import Badge, Bubble, Day, Failure, Turn, Unshown

PERSON, AI = "person", "ai"
SIDES = {"user_message": PERSON, "ai_message": AI, "image_generated": AI}
FAILURES = ("ai_message", "image_generated", "handler_failed")
BADGE_ICONS = {
    "start_command": "route",
    "command": "terminal",
    "persona_selected": "drama",
    "story_selected": "book-open",
    "image_refresh": "refresh-cw",
    "chat_cleared": "trash-2",
    "chat_continued": "rotate-ccw",
    "premium_action": "crown",
    "bot_blocked": "ban",
    "bot_unblocked": "circle-check",
}
BADGE_DETAILS = {
    "start_command": "chattrail.start.payload",
    "command": "chattrail.command.arguments",
    "chat_cleared": "chattrail.chat.messages",
    "chat_continued": "chattrail.chat.idle_s",
}
PREMIUM_ICONS = {"offered": "crown", "invoice_sent": "crown", "paid": "star", "refunded": "undo-2", "expired": "clock"}


def timeline(events: Iterable[TrailEvent], zone: ZoneInfo) -> list[Day]:
    """Turn events, in the order they come, into days of blocks."""
    days: list[Day] = []
    by_message: dict[tuple[str, int], Bubble] = {}
    for event in events:
        local = event.at.astimezone(zone)
        if not days or days[-1].date != local.date():
            days.append(Day(local.date()))
        blocks = days[-1].blocks
        part = _part(event)
        if not isinstance(part, Bubble):
            blocks.append(part)
            continue
        side, message = SIDES[event.type], (event.chat_id, event.message_id)
        if side == AI and event.message_id and _merge(by_message.get(message), part):
            continue
        last = blocks[-1] if blocks else None
        minute = local.replace(second=0, microsecond=0)
        if not isinstance(last, Turn) or last.side != side or last.at != minute:
            if isinstance(last, Turn) and last.at == minute:
                last.shows_time = False
            last = Turn(side, minute)
            blocks.append(last)
        last.bubbles.append(part)
        if side == AI:
            by_message[message] = part
    return days


def _part(event: TrailEvent) -> Bubble | Unshown:
    try:
        if event.error is not None:
            return _failure(event)
        return _bubble(event) if event.type in SIDES else badge(event)
    except Exception as error:
        log_unshown(event.id, error)
        return Unshown(event.id, event.at, event.type)


def _bubble(event: TrailEvent) -> Bubble:
    attributes = event.attributes
    return Bubble(
        anchors=[event.id],
        at=event.at,
        type=event.type,
        kind=(event.type == "user_message" and attributes.get("chattrail.message.kind")) or "text",
        text=event.text,
        length=attributes.get("chattrail.message.length", "") if not event.text else "",
        image=event.image,
        has_image=event.type == "image_generated",
        prompt=attributes.get("chattrail.image.prompt", ""),
        model=attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model", ""),
        duration_ms=read_number(
            attributes.get("chattrail.image.duration_ms") or attributes.get("chattrail.ai.duration_ms", "")
        ),
    )


def _merge(into: Bubble | None, other: Bubble) -> bool:
    """Join an image and its caption when one of the two is there already and lacks what the other has."""
    if into is None or into.has_image == other.has_image:
        return False
    into.anchors += other.anchors
    into.has_image, into.image = True, into.image or other.image
    into.text, into.length = into.text or other.text, into.length or other.length
    into.prompt, into.model = into.prompt or other.prompt, into.model or other.model
    return True


def _failure(event: TrailEvent) -> Failure:
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
    elif kind == "premium_action":
        _premium(made, event)
    return made


def _premium(made: Badge, event: TrailEvent) -> None:
    attributes = event.attributes
    action = attributes.get("chattrail.premium.action", "")
    is_known = action in PREMIUM_ICONS
    made.icon = PREMIUM_ICONS.get(action, made.icon)
    made.tone = "paid" if action == "paid" else ""
    made.words = f"event.premium_{action if is_known else 'other'}"
    made.subject = attributes.get("chattrail.premium.plan", "") or ("" if is_known else action)
    amount, currency = attributes.get("chattrail.premium.amount", ""), attributes.get("chattrail.premium.currency", "")
    made.number = read_number(amount)
    unit = "★" if currency == "XTR" else currency
    made.more = unit if made.number is not None else f"{amount} {unit}".strip() if amount else ""
