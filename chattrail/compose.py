"""Composes the record of an event: which attributes it has, in which order, and what its body shows."""

from chattrail.clock import is_time
from chattrail.context import EventTarget, MessagePlace
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
    if session_id is not None:
        attributes["session.id"] = session_id
    # one `if` each: a loop over names and values would take three times as long
    if (bot := target.bot) is not None:
        attributes["telegram.bot.id"] = sanitize(bot.id)
        if bot.username is not None:
            attributes["telegram.bot.username"] = sanitize(bot.username)
    if (chat := target.chat) is not None:
        if not privacy.hides(chat):
            attributes["telegram.chat.id"] = sanitize(chat.id)
        if chat.type is not None:
            attributes["telegram.chat.type"] = sanitize(chat.type)
    if target.update_id is not None:
        attributes["telegram.update.id"] = sanitize(target.update_id)
    if target.message_id:
        attributes["telegram.message.id"] = sanitize(target.message_id)
    if target.place is not None:
        _add_place(attributes, target.place)
    if target.user is not None:
        privacy.describe(target.user, attributes)
    if target.persona_id:
        attributes["chattrail.persona.id"] = sanitize(target.persona_id)
    if target.story_id:
        attributes["chattrail.story.id"] = sanitize(target.story_id)
    for attribute, field in event.values():
        if privacy.message_text or not attribute.private:
            attributes[attribute.name] = sanitize(field)
    prefix = CHAT_PREFIX if event_id is None else PREFIX
    return Record(f"{prefix}{event.type}", timestamp, attributes, _body(event), _severity(event))


def _add_place(attributes: dict[str, AttributeValue], place: MessagePlace) -> None:
    for name, value in (
        ("telegram.message.reply_to_id", place.reply_to_id),
        ("telegram.message.thread_id", place.thread_id),
        ("telegram.message.media_group_id", place.media_group_id),
        ("telegram.business_connection.id", place.business_connection_id),
    ):
        if value is not None:
            attributes[name] = sanitize(value)


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
    body = event.type
    for name in event.shown:
        if (value := getattr(event, name)) is not None:
            body = f"{body} {sanitize(value)!s}"
    return sanitize_text(body, _BODY)


def _severity(event: Event) -> int:
    if isinstance(event, HandlerFailed):
        return ERROR
    return WARN if getattr(event, "error_type", None) is not None else INFO
