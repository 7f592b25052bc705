"""The parts of a timeline: days of blocks, which are turns of bubbles, badges, failures, and lines of unshown events."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar

from web.analytics.trail_models import TrailImage


@dataclass(slots=True)
class Bubble:
    """A message of one side. `anchors` are the ids of its events; `kind` is its content type, as text or voice."""

    anchors: list[str]
    at: datetime
    type: str
    kind: str
    text: str
    length: str
    image: TrailImage | None = None
    has_image: bool = False
    prompt: str = ""
    model: str = ""
    duration_ms: float | None = None

    @property
    def anchor(self) -> str:
        """The id of its first event."""
        return self.anchors[0]


@dataclass(slots=True)
class Turn:
    """Bubbles of one side in one minute."""

    form: ClassVar[str] = "turn"
    side: str
    at: datetime
    bubbles: list[Bubble] = field(default_factory=list)
    shows_time: bool = True

    @property
    def anchor(self) -> str:
        """The id of its first event."""
        return self.bubbles[0].anchor

    @property
    def type(self) -> str:
        """The type of its first event."""
        return self.bubbles[0].type

    @property
    def duration_ms(self) -> float | None:
        """The AI's answer time, where an event has it."""
        return next((bubble.duration_ms for bubble in self.bubbles if bubble.duration_ms is not None), None)


@dataclass(slots=True)
class Unshown:
    """The line in place of an event that cannot be shown."""

    form: ClassVar[str] = "unshown"
    anchor: str
    at: datetime
    type: str


@dataclass(slots=True)
class Badge(Unshown):
    """A command, choice, clearing, payment: one centred line. `words` is a key of the texts, `subject` what it is about.

    `number` is a count, price or length of time that belongs to it; `more` is its unit, or the text where it is no number.
    """

    form: ClassVar[str] = "badge"
    icon: str
    words: str
    subject: str = ""
    more: str = ""
    number: float | None = None
    tone: str = ""


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
