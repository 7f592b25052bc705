"""What a chat shows to a person, and waiting for the bot's next message.

Messages are returned as aiogram's `Message`, which is imported at the first use only: a process that works with the plain
objects of the wire (`next_message`) stays 130 MB smaller.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from stack.simulators.telegram.chats import Answer, Chat
from stack.simulators.telegram.markup import inline_buttons
from stack.simulators.telegram.reactions import words
from stack.simulators.telegram.record import Entry
from stack.simulators.telegram.state import State
from stack.simulators.telegram.wire import Json

if TYPE_CHECKING:
    from aiogram.types import Message

WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button as the person sees it."""

    message_id: int
    text: str
    data: str | None
    url: str | None


class ChatObserver:
    """What a person can see and wait for."""

    def __init__(self, state: State, chat: Chat) -> None:
        self._state, self.chat = state, chat
        self.id, self.user = chat.id, chat.user  # in private, the id of the chat is that of the person
        self._from_here = 0

    @property
    def record(self) -> Sequence[Entry]:
        """All that each side has seen here, oldest first; kept if the server was made with `keeps_record`."""
        if self.chat.record is None:
            raise RuntimeError("no record is kept: TelegramServer(keeps_record=True) keeps one")
        return self.chat.record.entries

    @property
    def drafts(self) -> dict[int, str]:
        """What the bot streams now, by the draft's id."""
        return dict(self.chat.drafts)

    def reactions(self, message_id: int) -> dict[int, str]:
        """Return the reactions to a message by who reacts, separated by spaces."""
        found = self.chat.reactions.items()
        return {who: words(reactions) for (message, who), reactions in found if message == message_id and reactions}

    @property
    def blocked(self) -> bool:
        """Whether the person has blocked the bot."""
        return self.chat.blocked

    @property
    def history(self) -> "list[Message]":
        """Both sides' messages as they are now (edits applied, deleted ones gone), oldest first."""
        return [_as_message(message) for message in self.chat.messages.values()]

    @property
    def actions(self) -> list[str]:
        """Chat actions the bot showed ("typing"), oldest first."""
        return list(self.chat.actions)

    @property
    def buttons(self) -> list[Button]:
        """All inline buttons in the chat: newest message first, in reading order inside a message."""
        return self.look()

    def look(self, newest: int | None = None) -> list[Button]:
        """Return the inline buttons under the `newest` messages (None: all), as `buttons` does."""
        return [
            Button(message["message_id"], button["text"], button.get("callback_data"), button.get("url"))
            for message in islice(reversed(self.chat.messages.values()), newest)
            for button in inline_buttons(message.get("reply_markup"))
        ]

    @property
    def has_invoice(self) -> bool:
        """Whether there is an invoice to pay."""
        return any(chat_id == self.id for chat_id, _ in self._state.payments.invoices)

    async def answered(self, query_id: str, timeout: float = WAIT_SECONDS) -> Answer:  # noqa: ASYNC109
        """Wait for the bot's answer to a press. Raises TimeoutError."""
        await self._until(lambda: query_id in self.chat.answers, timeout, "an answer to a pressed button")
        return self.chat.answers[query_id]

    async def draft(self, draft_id: int, timeout: float = WAIT_SECONDS) -> str:  # noqa: ASYNC109
        """Wait until the bot streams a draft; what it says then. Raises TimeoutError."""
        await self._until(lambda: draft_id in self.chat.drafts, timeout, f"the draft {draft_id}")
        return self.chat.drafts[draft_id]

    async def wait(
        self,
        matches: "Callable[[Message], object]" = lambda message: True,
        timeout: float = WAIT_SECONDS,  # noqa: ASYNC109
        *,
        after: int | None = None,
    ) -> "Message":
        """Return the next message of the bot, new or edited, that matches.

        "Next" counts from this person's last action or last successful wait, or from `after=person.mark()`.
        Raises TimeoutError, which names what the bot sent instead.
        """
        return _as_message(await self.next_message(lambda message: matches(_as_message(message)), timeout, after=after))

    async def next_message(
        self,
        matches: Callable[[Json], object] = lambda message: True,
        timeout: float = WAIT_SECONDS,  # noqa: ASYNC109
        *,
        after: int | None = None,
    ) -> Json:
        """Do what `wait` does, with messages as they are on the wire."""
        checked = self._from_here if after is None else after
        skipped: list[Json] = []
        found: list[Json] = []

        def seen() -> bool:
            nonlocal checked
            for position, message in self.chat.shown:
                if position > checked and not found:
                    checked = position
                    (found if matches(message) else skipped).append(message)
            return bool(found)

        try:
            await self._until(seen, timeout, "a matching message")
        except TimeoutError as error:
            raise TimeoutError(
                f"{error}; the bot sent {[_summary(message) for message in skipped] or 'nothing'}"
            ) from None
        if after is None:
            self._from_here = checked
        return found[0]

    def mark(self) -> int:
        """Return the present position for `wait(after=…)`."""
        return self.chat.position

    async def _until(self, done: Callable[[], bool], seconds: float, what: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    await self.chat.changed()
        except TimeoutError:
            raise TimeoutError(f"person {self.id} waited {seconds:g} s for {what}") from None


def _as_message(message: Json) -> "Message":
    from aiogram.types import Message

    return Message.model_validate(message)


def _summary(message: Json) -> str:
    content = set(message) - {"message_id", "from", "chat", "date", "edit_date", "reply_markup"}
    return str(message.get("text") or message.get("caption") or ", ".join(sorted(content)))[:60]
