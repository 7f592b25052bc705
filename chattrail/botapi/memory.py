"""What is remembered for a while of the chats, to tell what later updates and calls are about. All of it is bounded."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from chattrail.botapi.content import Fields
from chattrail.context import Chat, Details, EventTarget, MessagePlace, Person

Value = TypeVar("Value")
Key: TypeAlias = tuple[Hashable, ...]  # begins with the bot's id

MESSAGES, SMALL, BLOCKED = 500, 1_000, 10_000


class Recent(Generic[Value]):
    """The values that were put last, at most `capacity` of them."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._known: OrderedDict[Key, Value] = OrderedDict()

    def put(self, key: Key, value: Value) -> None:
        """Add or replace a value."""
        self._known.pop(key, None)  # each step is safe while other threads do the same
        self._known[key] = value
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def get(self, key: Key | None) -> Value | None:
        """Return a value, if it is still there."""
        return None if key is None else self._known.get(key)

    def pop(self, key: Key) -> Value | None:
        """Take a value out."""
        return self._known.pop(key, None)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(slots=True)
class KnownMessage:
    """A message of either side: what it says, whom it is for, and whether an ai_message was recorded of it."""

    fields: Fields
    person: Person | None
    chat: Chat | None
    ai: bool = False


@dataclass(slots=True)
class KnownPoll:
    """A poll that the bot sent."""

    options: list[str]
    correct: frozenset[int] | None
    chat: Chat | None
    message_id: int | None


@dataclass(slots=True)
class Draft:
    """A text that streams to a person before it is sent."""

    first: float
    last: float
    details: Details | None
    count: int = 1


@dataclass(slots=True, frozen=True)
class Query:
    """Something that waits for the bot's answer: a press, a payment, a guest's message. What it was about."""

    target: EventTarget
    price: Fields = field(default_factory=dict)


def message_key(bot_id: int, chat: Chat | None, message_id: int | None, place: MessagePlace | None) -> Key | None:
    """Return what names a message of a chat. A business account's chats have the same numbers as the bot's own."""
    if chat is None or not message_id:
        return None
    account = None if place is None else place.business_connection_id
    return (bot_id, chat.id, message_id) if account is None else (bot_id, account, chat.id, message_id)


class Memory:
    """The parts of it, by bot and by what names each."""

    def __init__(self) -> None:
        self.messages: Recent[KnownMessage] = Recent(MESSAGES)
        self.polls: Recent[KnownPoll] = Recent(SMALL)
        self.drafts: Recent[Draft] = Recent(SMALL)
        self.queries: Recent[Query] = Recent(SMALL)
        self.payers: Recent[Person] = Recent(SMALL)  # by the charge
        self.offers: Recent[int] = Recent(SMALL)  # the Stars that paid media cost
        self.blocked: Recent[bool] = Recent(BLOCKED)
