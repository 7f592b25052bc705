"""The record of a chat: all that each side has seen, oldest first, as the reference that a trail is compared with.

A chat keeps its newest messages only, and an edited or deleted one is gone from it; the record keeps every message with its
final text, what it said before, and what became of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stack.simulators.telegram.wire import Json

Side = Literal["person", "bot"]

# A message has one of these. The first that it has is its kind: animations, live photos and venues carry a second one.
KINDS = (
    "text", "animation", "audio", "live_photo", "document", "paid_media", "photo", "sticker", "video", "video_note", "voice",
    "checklist", "contact", "dice", "poll", "venue", "location", "invoice", "successful_payment", "refunded_payment",
    "web_app_data", "gift", "rich_message",
)  # fmt: skip
# The field of such a content that a person reads.
STANDING_FOR = {
    "poll": "question", "checklist": "title", "venue": "title", "invoice": "title", "sticker": "emoji", "dice": "emoji",
    "gift": "text", "web_app_data": "button_text",
}  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One message, press of a button (`button`) or answer to a press (`alert` or `notice`), as it is now."""

    side: Side
    sender: int
    kind: str
    text: str
    message_id: int
    album: str | None = None
    reply_to: int | None = None
    thread: int | None = None
    content: Mapping[str, object] = field(default_factory=dict)
    """The message itself, as on the wire."""
    earlier: list[str] = field(default_factory=list)
    """What it said before each edit, oldest first."""
    deleted: bool = False
    reactions: dict[str, str] = field(default_factory=dict)
    votes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Of a poll: the options that each person has chosen."""


class ChatRecord:
    """The entries of one chat."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._messages: dict[int, Entry] = {}

    def __getitem__(self, message_id: int) -> Entry:
        return self._messages[message_id]

    def posted(self, side: Side, message: Json) -> None:
        """Add a message."""
        reply: Json = message.get("reply_to_message") or {}
        entry = Entry(
            side, message["from"]["id"], kind_of(message), text_of(message), message["message_id"],
            message.get("media_group_id"), reply.get("message_id"), message.get("message_thread_id"), message,
        )  # fmt: skip
        self.entries.append(entry)
        if entry.message_id:  # ephemeral messages have none
            self._messages[entry.message_id] = entry

    def edited(self, message: Json) -> None:
        """Take the new content of a message; another keyboard alone is no edit that a person reads."""
        entry = self._messages[message["message_id"]]
        if (text := text_of(message)) != entry.text or kind_of(message) != entry.kind:
            entry.earlier.append(entry.text)
            entry.text, entry.kind = text, kind_of(message)
        entry.content = message

    def deleted(self, message_id: int) -> None:
        """Note that a message is gone."""
        self._messages[message_id].deleted = True

    def pressed(self, sender: int, message_id: int, label: str) -> None:
        """Add the press of a button."""
        self.entries.append(Entry("person", sender, "button", label, message_id))

    def answered(self, sender: int, text: str, *, alert: bool) -> None:
        """Add the text that a person got for a press, in a window or at the edge of the screen."""
        self.entries.append(Entry("bot", sender, "alert" if alert else "notice", text, 0))

    def reacted(self, side: Side, message_id: int, reactions: str) -> None:
        """Note a side's reactions to a message, separated by spaces; empty when they were taken back."""
        found = self._messages[message_id].reactions
        if reactions:
            found[side] = reactions
        else:
            found.pop(side, None)

    def voted(self, person_id: int, message_id: int, options: tuple[int, ...]) -> None:
        """Note a person's vote in a poll; no options: it was taken back."""
        votes = self._messages[message_id].votes
        if options:
            votes[person_id] = options
        else:
            votes.pop(person_id, None)


def kind_of(message: Json) -> str:
    """Return the kind of content of a message, `service` for a note of what happened."""
    return next((kind for kind in KINDS if kind in message), "service")


def text_of(message: Json) -> str:
    """Return what a person reads in a message: its text or caption, or what stands in its place."""
    kind = kind_of(message)
    content = message.get(kind)
    if "caption" in message:
        return str(message["caption"])
    if kind == "text":
        return str(content)
    if kind == "rich_message" and isinstance(content, dict):
        return "\n".join(str(block["text"]) for block in content["blocks"] if isinstance(block.get("text"), str))
    return str(content.get(STANDING_FOR[kind], "")) if isinstance(content, dict) and kind in STANDING_FOR else ""
