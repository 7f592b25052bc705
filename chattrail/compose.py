"""Composes the record of an event: which attributes it has, in which order, and what its body shows."""

from dataclasses import dataclass, replace

from chattrail.clock import is_time
from chattrail.context import Chat, Person, UpdateContext
from chattrail.events import PREFIX, Event, HandlerFailed
from chattrail.privacy import Privacy
from chattrail.record import ERROR, INFO, WARN, Record
from chattrail.sanitize import AttributeValue, sanitize, sanitize_text

_BODY = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Whom and what an event is about, as far as it was given."""

    user: Person | None = None
    chat: Chat | None = None
    update_id: int | None = None
    message_id: int | None = None
    persona_id: str | None = None
    story_id: str | None = None

    def within(self, context: UpdateContext | None) -> "Place":
        """Fill what is missing from the update. Another person's event has neither its chat nor its message."""
        if context is None:
            return self
        update_id = context.update_id if self.update_id is None else self.update_id
        if self.user is not None and (context.user is None or str(self.user.id) != str(context.user.id)):
            return replace(self, update_id=update_id)
        same_chat = self.chat is None or context.chat is None or self.chat.id == context.chat.id
        return Place(
            self.user or context.user,
            self.chat or context.chat,
            update_id,
            context.message_id if self.message_id is None and same_chat else self.message_id,
            context.persona_id if self.persona_id is None else self.persona_id,
            context.story_id if self.story_id is None else self.story_id,
        )


def compose(
    event: Event,
    place: Place,
    privacy: Privacy,
    event_id: str,
    user_id: str | None,
    session_id: str | None,
    timestamp: int,
) -> Record:
    """Return the event's record. `event.id`, `event.sequence` (0 until it has its number), `user.id` come first."""
    attributes: dict[str, AttributeValue] = {"event.id": event_id, "event.sequence": 0}
    if user_id is not None:
        attributes["user.id"] = user_id
        if privacy.key is not None:
            attributes["user.hash"] = user_id
    common: dict[str, object] = {"session.id": session_id}
    if place.chat is not None:
        common["telegram.chat.id"] = None if privacy.hides(place.chat) else place.chat.id
        common["telegram.chat.type"] = place.chat.type
    common["telegram.update.id"] = place.update_id
    common["telegram.message.id"] = place.message_id
    attributes |= {name: sanitize(value) for name, value in common.items() if value is not None}
    if place.user is not None:
        attributes |= privacy.describe(place.user)
    if place.persona_id:
        attributes["chattrail.persona.id"] = sanitize(place.persona_id)
    if place.story_id:
        attributes["chattrail.story.id"] = sanitize(place.story_id)
    for attribute, value in event.values():
        if privacy.message_text or not attribute.private:
            attributes[attribute.name] = sanitize(value)
    return Record(f"{PREFIX}{event.type}", timestamp, attributes, _body(event), _severity(event))


def checked(answer: Record, name: str, event_id: str, timestamp: int) -> Record:
    """Make safe what a `before_send` callback returned; an event stays that event, whatever was done to it."""
    given = {sanitize_text(str(key)): sanitize(value) for key, value in answer.attributes.items() if value is not None}
    first: dict[str, AttributeValue] = {"event.id": event_id, "event.sequence": 0}
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
    shown = [getattr(event, name) for name in event.shown]
    words = [str(sanitize(value)) for value in shown if value is not None]
    return sanitize_text(" ".join([event.type, *words]), _BODY)


def _severity(event: Event) -> int:
    if isinstance(event, HandlerFailed):
        return ERROR
    return WARN if getattr(event, "error_type", None) is not None else INFO
