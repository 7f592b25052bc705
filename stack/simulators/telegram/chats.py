"""A chat of the bot, most of them private with one person: its messages, and what the person has seen of it."""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TypeVar

from stack.simulators.telegram.record import ChatRecord
from stack.simulators.telegram.wire import Json

KEPT = 150
Key = TypeVar("Key")
Value = TypeVar("Value")


class Newest(OrderedDict[Key, Value]):
    """The newest `kept` entries."""

    def __init__(self, kept: int = KEPT) -> None:
        super().__init__()
        self._kept = kept

    def __setitem__(self, key: Key, value: Value) -> None:
        super().__setitem__(key, value)
        while len(self) > self._kept:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The bot's answer to a pressed button (`answerCallbackQuery`)."""

    query_id: str
    text: str | None
    show_alert: bool
    url: str | None


class Chat:
    """One private chat. It keeps the newest messages only, as a person's screen does; the record, if kept, has all."""

    update_kind = "message"
    """The update that a person's message here comes in; an edited one comes in `edited_<kind>`."""

    def __init__(self, user: Json, record: ChatRecord | None = None) -> None:
        self.user = user
        self.record = record
        self.bot_sender: Json | None = None
        """The account that the bot's messages here are from; None: the bot itself."""
        self.message_fields: Json = {}
        """What every message here has besides, and what the bot's have."""
        self.bot_fields: Json = {}
        self.started = False
        self.blocked = False
        self.keyboard: Json | None = None
        self.messages: Newest[int, Json] = Newest()
        self.shown: deque[tuple[int, Json]] = deque(maxlen=KEPT)
        """New and edited messages of the bot with their positions. An edit is another object, so no copy is needed."""
        self.answers: Newest[str, Answer] = Newest()
        self.actions: deque[str] = deque(maxlen=KEPT)
        self.reactions: Newest[tuple[int, int], list[Json]] = Newest()
        """Reactions by message and who reacts."""
        self.drafts: dict[int, str] = {}
        """What the bot streams now, by the draft's id; a message of the bot replaces it."""
        self.ephemeral: dict[int, Json] = {}
        """Content of the messages that one person of a group sees."""
        self.join_requests: set[int] = set()
        self.threads: set[int] = set()
        """Topics of a forum."""
        self.position = 0
        self._changed = asyncio.Event()

    @property
    def id(self) -> int:
        """The chat's id, which in a private chat is the person's."""
        return int(self.user["id"])

    @property
    def as_json(self) -> Json:
        """The Chat object of the wire."""
        names: Json = {name: self.user[name] for name in ("first_name", "last_name", "username") if name in self.user}
        return {"id": self.id, **names, "type": "private"}

    def show(self, message: Json) -> None:
        """Show a new or edited message of the bot to the person."""
        self.position += 1
        self.shown.append((self.position, message))
        self.wake()

    def answered(self, answer: Answer) -> None:
        """Keep the answer to a pressed button."""
        self.answers[answer.query_id] = answer
        self.wake()

    def wake(self) -> None:
        """Wake everyone who waits for a change in this chat."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()
