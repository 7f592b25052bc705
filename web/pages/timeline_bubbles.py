"""The bubble of a message: what it is now, and what edits, a deletion, reactions and a reply say about it."""

from datetime import datetime, timedelta

from web.analytics.bounds import read_number
from web.analytics.trail_models import TrailEvent
from web.pages.message_data import read_content
from web.pages.message_history import BOT, MessageHistory, Messages, reply_to, side_of
from web.pages.timeline_blocks import Bubble, Edits, Reference, Version

ENTITIES = "chattrail.message.entities"
KIND = "chattrail.message.kind"
LENGTH = "chattrail.message.length"
EDIT_COUNT = "chattrail.edit.count"
IMAGE_NAMES = ("chattrail.image.id", "chattrail.image.file_id")
MILLISECOND = timedelta(milliseconds=1)
SPAN_MAX_MS = 86_400_000.0
COUNT_MAX = 1e6
CURSORS = "…▌█▍ .\n"  # what bots put behind a text that is still being written


def bubble(history: MessageHistory, messages: Messages) -> Bubble:
    """The bubble of a message with everything that is known of it."""
    made = _plain(history.first)
    for other in history.joined:
        _join(made, _plain(other))
    if history.versions:
        _edit(made, history, messages)
    elif EDIT_COUNT in history.first.attributes:
        made.edits = _edits([history.first], history.first, messages)
    made.anchors = [event.id for event in history.events]
    made.deleted_at = history.deletion.at if history.deletion is not None else None
    reactions = {
        side: event.attributes.get("chattrail.reaction.emoji", "") for side, event in history.reactions.items()
    }
    made.reactions = {side: emoji for side, emoji in reactions.items() if emoji}
    made.votes = messages.votes(made.content.poll_id) if made.content.poll_id else frozenset()
    made.replies = bool(reply_to(history.first))
    replied = messages.replied_to(history.first)
    made.replied = Reference(replied.first, replied.newest, replied.side) if replied is not None else None
    made.order = history.first.at, history.first.sequence
    return made


def lone_edit(event: TrailEvent, history: MessageHistory) -> Bubble:
    """The bubble of an edit whose message stands on another page."""
    made = _plain(event)
    made.is_edit, made.edited = True, Reference(history.first, history.first)
    return made


def _plain(event: TrailEvent) -> Bubble:
    attributes = event.attributes
    kind = attributes.get(KIND, "") or "text"
    has_image = event.type == "image_generated" or any(name in attributes for name in IMAGE_NAMES)
    return Bubble(
        anchors=[event.id],
        at=event.at,
        type=event.type,
        kind="text" if event.type in ("ai_message", "image_generated") else kind,
        text=event.text,
        length=attributes.get(LENGTH, "") if not event.text else "",
        entities=attributes.get(ENTITIES, ""),
        content=read_content(kind, attributes),
        image=event.image,
        has_image=has_image,
        prompt=attributes.get("chattrail.image.prompt", ""),
        model=attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model", ""),
        duration_ms=read_number(
            attributes.get("chattrail.image.duration_ms") or attributes.get("chattrail.ai.duration_ms", "")
        ),
        is_edit=event.type == "message_edited",
    )


def _join(made: Bubble, other: Bubble) -> None:
    """Join an image and its caption."""
    made.has_image, made.image = made.has_image or other.has_image, made.image or other.image
    if not made.text:
        made.text, made.length, made.entities = other.text, made.length or other.length, other.entities
    made.prompt, made.model = made.prompt or other.prompt, made.model or other.model


def _edit(made: Bubble, history: MessageHistory, messages: Messages) -> None:
    """Show the newest version, and remember the earlier ones."""
    first, latest = history.first, history.versions[-1]
    texts = [Version(first.at, made.text, made.entities)]
    texts += [Version(each.at, each.text, each.attributes.get(ENTITIES, "")) for each in history.versions]
    made.edits = _edits(history.versions, first, messages, tuple(texts[:-1]))
    shown = _plain(latest)
    made.text, made.entities, made.length = shown.text, shown.entities, shown.length
    if KIND in latest.attributes and shown.kind != made.kind:
        made.kind, made.content = shown.kind, shown.content
    if shown.has_image:
        made.has_image, made.image = True, shown.image or made.image
    for answer in [_plain(each) for each in history.versions if each.type == "ai_message"]:
        made.model, made.duration_ms = answer.model or made.model, answer.duration_ms or made.duration_ms


def _edits(
    versions: list[TrailEvent], first: TrailEvent, messages: Messages, earlier: tuple[Version, ...] = ()
) -> Edits:
    latest = versions[-1]
    counts = [read_number(each.attributes.get(EDIT_COUNT, "")) or 1 for each in versions]
    made = Edits(sum(int(count) if 1 <= count <= COUNT_MAX else 1 for count in counts), latest.at, earlier)
    if latest.update_id == first.update_id and side_of(first) == BOT:  # written bit by bit, not changed later on
        began = messages.asked_at(first) or first.at
        is_begun = bool(earlier) and _is_beginning(first.text, latest.text)
        made.first_text_ms = max(((first.at if is_begun else _start_of(versions[0])) - began) / MILLISECOND, 0.0)
        made.last_text_ms = max((latest.at - began) / MILLISECOND, 0.0)
    return made


def _is_beginning(text: str, whole: str) -> bool:
    """Whether a text is the beginning of another one, and no placeholder such as three dots."""
    begun = text.strip(CURSORS)
    return bool(begun) and whole.startswith(begun)


def _start_of(edit: TrailEvent) -> datetime:
    """When the first of the edits came that an event stands for."""
    span = read_number(edit.attributes.get("chattrail.edit.span_ms", ""))
    return edit.at - span * MILLISECOND if span and 0 < span < SPAN_MAX_MS else edit.at
