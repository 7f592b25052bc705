"""A private chat between the bot and one person: its messages, and what the person has seen happen in it."""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass

from stack.simulators.telegram.wire import Json

KEPT_MESSAGES = 150


@dataclass(frozen=True, slots=True)
class Sight:
    """Something the bot did that the person sees: a new message, or an edited one as it was then.

    Messages are never changed in place, an edit puts another object there; so no copy is needed.
    """

    position: int
    message: Json
    edited: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The bot's reply to a button press (`answerCallbackQuery`)."""

    query_id: str
    text: str | None
    show_alert: bool
    url: str | None


class Chat:
    """One private chat. It keeps the newest messages only, as a person's screen does."""

    def __init__(self, user: Json) -> None:
        self.user = user
        self.started = False
        self.blocked = False
        self.keyboard: Json | None = None
        self.messages: OrderedDict[int, Json] = OrderedDict()
        self.sights: deque[Sight] = deque(maxlen=KEPT_MESSAGES)
        self.answers: OrderedDict[str, Answer] = OrderedDict()
        self.actions: deque[str] = deque(maxlen=KEPT_MESSAGES)
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

    def keep(self, message: Json, *, from_bot: bool) -> None:
        """Add a message; the person sees those of the bot."""
        self.messages[message["message_id"]] = message
        while len(self.messages) > KEPT_MESSAGES:
            self.messages.popitem(last=False)
        if from_bot:
            self.show(message, edited=False)

    def show(self, message: Json, *, edited: bool) -> None:
        """Put a message before the person's eyes and wake who waits for it."""
        self.position += 1
        self.sights.append(Sight(self.position, message, edited))
        self.wake()

    def answered(self, answer: Answer) -> None:
        """Note the reply to a button press."""
        self.answers[answer.query_id] = answer
        while len(self.answers) > KEPT_MESSAGES:
            self.answers.popitem(last=False)
        self.wake()

    def wake(self) -> None:
        """Wake everyone who waits for a change in this chat."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()
