"""The parts of a timeline: days of blocks, which are turns of bubbles, badges, failures, and lines of unshown events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from web.analytics.trail_models import TrailEvent, TrailImage
from web.pages.message_data import Content


@dataclass(frozen=True, slots=True)
class Version:
    """A text that a message had before an edit."""

    at: datetime
    text: str
    entities: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Another message: the event that a link leads to, the one with its text as it is now, and whose it is."""

    event: TrailEvent
    newest: TrailEvent
    side: str = ""


@dataclass(slots=True)
class Edits:
    """What edits did to a message. `earlier` are its texts before the one that is shown, oldest first.

    Of a text that the bot wrote bit by bit: how long after the message that it answers, or after it was sent, it had its
    first text and its last.
    """

    count: int
    at: datetime
    earlier: tuple[Version, ...]
    first_text_ms: float | None = None
    last_text_ms: float | None = None


@dataclass(slots=True)
class Bubble:
    """A message of one side. `anchors` are the ids of its events; `kind` is its content type, as text or voice."""

    anchors: list[str]
    at: datetime
    type: str
    kind: str
    text: str
    length: str
    entities: str = ""
    content: Content = field(default_factory=Content)
    image: TrailImage | None = None
    has_image: bool = False
    prompt: str = ""
    model: str = ""
    duration_ms: float | None = None
    edits: Edits | None = None
    deleted_at: datetime | None = None
    reactions: Mapping[str, str] = field(default_factory=dict)
    replies: bool = False
    replied: Reference | None = None
    edited: Reference | None = None
    is_edit: bool = False
    votes: frozenset[int] = frozenset()
    order: tuple[datetime, int] | None = None
    parts: list["Bubble"] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """The id of its first event."""
        return self.anchors[0]

    @property
    def items(self) -> list["Bubble"]:
        """The messages in it, oldest first: those of an album, else itself."""
        return sorted([self, *self.parts], key=lambda each: each.order or (each.at, 0)) if self.parts else [self]

    @property
    def is_deleted(self) -> bool:
        """Whether nothing of it is left in the chat."""
        return all(item.deleted_at for item in self.items)


@dataclass(slots=True)
class Turn:
    """Bubbles of one side in one minute."""

    form: ClassVar[str] = "turn"
    side: str
    at: datetime
    bubbles: list[Bubble] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """The id of its first event."""
        return self.bubbles[0].anchor

    @property
    def anchors(self) -> Iterator[str]:
        """The ids of all its events."""
        return (anchor for bubble in self.bubbles for item in bubble.items for anchor in item.anchors)

    @property
    def type(self) -> str:
        """The type of its first event."""
        return self.bubbles[0].type


@dataclass(slots=True)
class Unshown:
    """The line in place of an event that cannot be shown."""

    form: ClassVar[str] = "unshown"
    anchor: str
    at: datetime
    type: str

    @property
    def anchors(self) -> list[str]:
        """The id of its event."""
        return [self.anchor]


@dataclass(slots=True)
class SessionStart(Unshown):
    """The line above the first event of a session."""

    form: ClassVar[str] = "session"
    length_ms: float

    @property
    def anchors(self) -> list[str]:
        """None: the event has its own part."""
        return []


@dataclass(slots=True)
class Badge(Unshown):
    """A command, choice, clearing, payment: one centred line. `words` is a key of the texts, `subject` what it is about.

    `number` is a count or length of time that belongs to it; `more` is its unit, or the text where it is no number.
    `price` is an amount and its currency. `about` is the message that it is about.
    """

    form: ClassVar[str] = "badge"
    icon: str
    words: str
    subject: str = ""
    more: str = ""
    number: float | None = None
    tone: str = ""
    price: tuple[float, str] | None = None
    notes: list[str] = field(default_factory=list)
    until: datetime | None = None
    reason: str = ""
    properties: list[tuple[str, str]] = field(default_factory=list)
    about: Reference | None = None


@dataclass(slots=True)
class Failure(Unshown):
    """An error: a line that opens. `details` are pairs of a text key and a value."""

    form: ClassVar[str] = "failure"
    words: str
    error: str
    details: list[tuple[str, str]]


Block = Turn | Unshown


@dataclass(slots=True)
class Day:
    """The blocks of one day in the deployment's zone."""

    date: date
    blocks: list[Block] = field(default_factory=list)
