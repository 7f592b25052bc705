"""Composes the record of an event: which attributes it has, in which order, and what its body shows."""

from chattrail.clock import is_time
from chattrail.context import EventTarget
from chattrail.events import CHAT_PREFIX, PREFIX, Event, HandlerFailed
from chattrail.privacy import Privacy
from chattrail.record import ERROR, INFO, WARN, BeforeSend, Record
from chattrail.sanitize import AttributeValue, sanitize, sanitize_text

_BODY = 200


def compose(
    event: Event,
    target: EventTarget,
    privacy: Privacy,
    event_id: str | None,
    user_id: str | None,
    session_id: str | None,
    timestamp: int,
) -> Record:
    """Return the event's record. `event.id`, `event.sequence` (0 until it has its number), `user.id` come first.

    Without an id it is the record of something about a chat, which is no event: a plain log.
    """
    attributes: dict[str, AttributeValue] = {} if event_id is None else {"event.id": event_id, "event.sequence": 0}
    if user_id is not None:
        attributes["user.id"] = user_id
        if privacy.key is not None:
            attributes["user.hash"] = user_id
    bot, chat, place = target.bot, target.chat, target.place
    for name, value in (
        ("session.id", session_id),
        ("telegram.bot.id", bot and bot.id),
        ("telegram.bot.username", bot and bot.username),
        ("telegram.chat.id", None if chat is None or privacy.hides(chat) else chat.id),
        ("telegram.chat.type", chat and chat.type),
        ("telegram.update.id", target.update_id),
        ("telegram.message.id", target.message_id or None),
        ("telegram.message.reply_to_id", place and place.reply_to_id),
        ("telegram.message.thread_id", place and place.thread_id),
        ("telegram.message.media_group_id", place and place.media_group_id),
        ("telegram.business_connection.id", place and place.business_connection_id),
    ):
        if value is not None:
            attributes[name] = sanitize(value)
    if target.user is not None:
        attributes |= privacy.describe(target.user)
    if target.persona_id:
        attributes["chattrail.persona.id"] = sanitize(target.persona_id)
    if target.story_id:
        attributes["chattrail.story.id"] = sanitize(target.story_id)
    for attribute, field in event.values():
        if privacy.message_text or not attribute.private:
            attributes[attribute.name] = sanitize(field)
    prefix = CHAT_PREFIX if event_id is None else PREFIX
    return Record(f"{prefix}{event.type}", timestamp, attributes, _body(event), _severity(event))


def asked(before_send: BeforeSend, record: Record, event_id: str | None) -> Record | None:
    """Return a safe copy of what the callback returns, None when the event is not to be sent. Raises what the callback raises.

    Its name, id and sequence stay those of the event.
    """
    name, timestamp = record.event_name, record.timestamp  # the callback may write over them
    answer = before_send(record)
    if answer is None:
        return None
    given = {sanitize_text(str(key)): sanitize(value) for key, value in answer.attributes.items() if value is not None}
    first: dict[str, AttributeValue] = {} if event_id is None else {"event.id": event_id, "event.sequence": 0}
    if "user.id" in given:
        first["user.id"] = given["user.id"]
    return Record(
        name,
        answer.timestamp if is_time(answer.timestamp) else timestamp,
        first | {key: value for key, value in given.items() if key and key not in first},
        sanitize_text(str(sanitize(answer.body)), _BODY),
        answer.severity if answer.severity in range(1, 25) else INFO,
    )


def _body(event: Event) -> str:
    if not event.shown:
        return event.type
    shown = [getattr(event, name) for name in event.shown]
    words = [str(sanitize(value)) for value in shown if value is not None]
    return sanitize_text(" ".join([event.type, *words]), _BODY)


def _severity(event: Event) -> int:
    if isinstance(event, HandlerFailed):
        return ERROR
    return WARN if getattr(event, "error_type", None) is not None else INFO
