"""The state of a chat: kept in aiogram's FSM storage, bounded in size."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

from bot.llm.base import Line

_MAX_TEXT = 4000


@dataclass(slots=True)
class ChatState:
    """One person's chat. Handlers change it; the middleware stores it after them."""

    language: str | None = None
    app_language: str | None = None  # of the person's Telegram; what the bot itself posts does not say it
    persona_id: str | None = None
    story_id: str | None = None
    lines: list[list[str]] = field(default_factory=list)  # [role, text]
    last_at: float | None = None
    pending: str | None = None  # the message before "continue?" was answered
    asked_to_continue: bool = False
    away_seconds: float = 0.0  # how long the person had been away before that question
    image_id: str | None = None
    variation: int = 0
    day: str = ""
    messages_today: int = 0
    pictures_today: int = 0
    premium_plan: str | None = None  # the plan about whose end the person has had no message yet

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        """Read the fields as any version stored them: unknown ones are ignored, missing ones have defaults."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def history(self) -> tuple[Line, ...]:
        """Return the chat for a language model."""
        return tuple(Line("user" if role == "user" else "assistant", text) for role, text in self.lines)

    def remember(self, role: str, text: str, *, limit: int) -> None:
        """Add a message, forgetting the oldest beyond `limit`."""
        self.lines.append([role, text[:_MAX_TEXT]])
        del self.lines[:-limit]
        self.variation = 0

    def forget_chat(self) -> int:
        """Clear the chat and return the number of messages cleared; language and counts of the day stay."""
        count = len(self.lines)
        self.lines = []
        self.persona_id = self.story_id = self.image_id = self.pending = None
        self.asked_to_continue = False
        self.variation = 0
        return count

    def begin(self, persona_id: str, story_id: str | None) -> None:
        """Begin a chat with a persona, in a story when one is chosen."""
        self.forget_chat()
        self.persona_id, self.story_id = persona_id, story_id

    def begin_day(self, now: datetime) -> None:
        """Set the day's counts to zero when the (UTC) day has changed."""
        today = now.date().isoformat()
        if self.day != today:
            self.day, self.messages_today, self.pictures_today = today, 0, 0

    def idle_seconds(self, now: datetime) -> float:
        """Seconds since the person's last update; 0 before the first."""
        return 0.0 if self.last_at is None else max(0.0, now.timestamp() - self.last_at)
