"""Which events are about the same message: its first one, its edits and deletion, reactions to it, replies to it.

A message is known by bot, business connection, chat and number, on each of the two sides; an event without a number of a
message, and one that failed, is about none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from web.analytics.trail_models import TrailEvent

PERSON, BOT = "person", "bot"
SIDES = {"user_message": PERSON, "bot_message": BOT, "ai_message": BOT, "image_generated": BOT}
ASKING = frozenset({"user_message", "command", "start_command"})
EDIT, DELETION, REACTION = "message_edited", "message_deleted", "reaction"
ABOUT_MESSAGES = frozenset({*SIDES, EDIT, DELETION, REACTION})
REPLY_TO = "telegram.message.reply_to_id"
Key = tuple[str, str, str, int]


@dataclass(slots=True)
class MessageHistory:
    """A message: the event that it began with, another that joins it (its caption, say), and what happened to it, in order."""

    first: TrailEvent
    side: str
    joined: list[TrailEvent] = field(default_factory=list)
    versions: list[TrailEvent] = field(default_factory=list)
    deletion: TrailEvent | None = None
    reactions: dict[str, TrailEvent] = field(default_factory=dict)
    others: list[TrailEvent] = field(default_factory=list)

    @property
    def newest(self) -> TrailEvent:
        """The event with its text as it is now."""
        return self.versions[-1] if self.versions else self.first

    @property
    def events(self) -> list[TrailEvent]:
        """All of its events."""
        return [self.first, *self.joined, *self.versions, *self.others]


class Messages:
    """The messages of some events, whatever the order in which these come."""

    def __init__(self, events: Iterable[TrailEvent]) -> None:
        self._of_event: dict[str, MessageHistory] = {}
        self._by_key: dict[tuple[Key, str], MessageHistory] = {}
        self._asked: dict[tuple[str, int], datetime] = {}
        self._votes: dict[str, frozenset[int]] = {}
        for event in sorted(events, key=lambda each: (each.at, each.sequence, each.id)):
            self._take(event)

    def of(self, event: TrailEvent) -> MessageHistory | None:
        """The message that an event is, or is about."""
        return self._of_event.get(event.id)

    def replied_to(self, event: TrailEvent) -> MessageHistory | None:
        """The message that a message replies to, when it is among the events."""
        number = reply_to(event)
        return self._find((*_place(event), number)) if number else None

    def asked_at(self, event: TrailEvent) -> datetime | None:
        """When the person wrote what a message was sent in answer to."""
        return self._asked.get((_bot(event), event.update_id)) if event.update_id else None

    def votes(self, poll_id: str) -> frozenset[int]:
        """The numbers of the options that the person chose last."""
        return self._votes.get(poll_id, frozenset())

    def _take(self, event: TrailEvent) -> None:
        if event.type in ASKING and event.update_id:
            self._asked.setdefault((_bot(event), event.update_id), event.at)
        if event.type == "poll":
            self._vote(event)
        key = key_of(event)
        if event.error is not None:
            return
        if event.type in SIDES:
            self._message(event, key)
        elif key is not None and event.type == EDIT:
            side = side_of(event)
            found = self._by_key.get((key, side))
            if found is None:
                self._begin(event, key, side)
            else:
                found.versions.append(event)
                self._of_event[event.id] = found
        elif key is not None and event.type in (DELETION, REACTION) and (about := self._find(key)) is not None:
            self._of_event[event.id] = about
            about.others.append(event)
            if event.type == DELETION:
                about.deletion = event
            else:
                about.reactions[side_of(event)] = event

    def _message(self, event: TrailEvent, key: Key | None) -> None:
        side = SIDES[event.type]
        found = self._by_key.get((key, side)) if key is not None else None
        if found is None:
            self._begin(event, key, side)
            return
        known = {each.type for each in (found.first, *found.joined)}
        if "chattrail.edit.count" in event.attributes:  # the answer that edits brought into a message
            found.versions.append(event)
        elif side == BOT and ("image_generated" in known) != (event.type == "image_generated") and len(known) == 1:
            found.joined.append(event)  # an image and its caption
        else:
            self._of_event[event.id] = MessageHistory(event, side)
            return
        self._of_event[event.id] = found

    def _begin(self, event: TrailEvent, key: Key | None, side: str) -> None:
        made = self._of_event[event.id] = MessageHistory(event, side)
        if key is not None:
            self._by_key[key, side] = made

    def _find(self, key: Key) -> MessageHistory | None:
        return self._by_key.get((key, BOT)) or self._by_key.get((key, PERSON))

    def _vote(self, event: TrailEvent) -> None:
        chosen = event.attributes.get("chattrail.poll.options", "").split()
        numbers = frozenset(int(each) for each in chosen if each.isascii() and each.isdigit() and len(each) < 4)
        if (action := event.attributes.get("chattrail.poll.action")) in ("voted", "retracted"):
            poll_id = event.attributes.get("chattrail.poll.id", "")
            self._votes[poll_id] = numbers if action == "voted" else frozenset()


def key_of(event: TrailEvent) -> Key | None:
    """What names the message that an event is about, None where nothing does."""
    return (*_place(event), event.message_id) if event.message_id and event.type in ABOUT_MESSAGES else None


def numbers_of(events: Iterable[TrailEvent]) -> set[int]:
    """The numbers of the messages that events are, are about, or reply to."""
    return {number for event in events if key_of(event) for number in (event.message_id, reply_to(event)) if number}


def reply_to(event: TrailEvent) -> int:
    """The number of the message that a message replies to, 0 for none."""
    given = event.attributes.get(REPLY_TO, "") if event.type in ABOUT_MESSAGES else ""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0


def side_of(event: TrailEvent) -> str:
    """Whose message an event is, or who reacts."""
    if event.type in SIDES:
        return SIDES[event.type]
    default = BOT if event.type == EDIT else PERSON
    given = event.attributes.get("chattrail.side", default)
    return given if given in (PERSON, BOT) else default


def _place(event: TrailEvent) -> tuple[str, str, str]:
    return _bot(event), event.attributes.get("telegram.business_connection.id", ""), event.chat_id


def _bot(event: TrailEvent) -> str:
    return event.attributes.get("telegram.bot.id", "")
