"""A trail as a chat: events become bubbles, badges and failures, gathered into turns and days.

The order of the events is kept, newest or oldest first. Consecutive messages of one side within one minute make a turn;
consecutive turns of one minute show its time once, at their end. A picture and its caption, two events of one Telegram
message, share a bubble.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from web.analytics.bounds import read_number
from web.analytics.models import TrailEvent, TrailImage
from web.pages.attempt import note

PERSON, AI = "person", "ai"
SIDES = {"user_message": PERSON, "ai_message": AI, "image_generated": AI}


@dataclass(slots=True)
class Bubble:
    """A message of one side. `anchors` are the ids of its events; `kind` says what it is when it is no plain text."""

    anchors: list[str]
    at: datetime
    kind: str
    text: str
    length: str
    picture: TrailImage | None = None
    has_picture: bool = False
    prompt: str = ""
    model: str = ""
    duration_ms: float | None = None
    type: str = ""

    @property
    def anchor(self) -> str:
        """The id of its first event."""
        return self.anchors[0]


@dataclass(slots=True)
class Turn:
    """Bubbles of one side in one minute."""

    side: str
    at: datetime
    bubbles: list[Bubble] = field(default_factory=list)
    tells_time: bool = True
    form: str = "turn"
    type: str = ""

    @property
    def anchor(self) -> str:
        """The id of its first event."""
        return self.bubbles[0].anchor

    @property
    def duration_ms(self) -> float | None:
        """How long the AI took for this turn, where it says."""
        return next((bubble.duration_ms for bubble in self.bubbles if bubble.duration_ms is not None), None)


@dataclass(slots=True)
class Badge:
    """A command, choice, clearing, payment: one centred line. `words` is a key of the texts, `subject` what it is about.

    `number` is a count, price or length of time that belongs to it; `more` is its unit, or the text where it is no number.
    """

    anchor: str
    at: datetime
    icon: str
    words: str
    subject: str = ""
    more: str = ""
    number: float | None = None
    tone: str = ""
    form: str = "badge"
    type: str = ""


@dataclass(slots=True)
class Failure:
    """Something that went wrong: a line that opens. `details` are pairs of a text key and a value."""

    anchor: str
    at: datetime
    words: str
    error: str
    details: list[tuple[str, str]]
    form: str = "failure"
    type: str = ""


@dataclass(slots=True)
class Unshown:
    """What stands for an event that cannot be shown."""

    anchor: str
    type: str
    at: datetime
    form: str = "unshown"


Block = Turn | Badge | Failure | Unshown


@dataclass(slots=True)
class Day:
    """The blocks of one day in the deployment's zone."""

    date: date
    blocks: list[Block] = field(default_factory=list)


def gather(events: Iterable[TrailEvent], zone: ZoneInfo) -> list[Day]:
    """Turn events, in the order they come, into days of blocks."""
    days: list[Day] = []
    places: dict[tuple[str, int], Bubble] = {}
    for event in events:
        local = event.at.astimezone(zone)
        if not days or days[-1].date != local.date():
            days.append(Day(local.date()))
        blocks = days[-1].blocks
        bubble = _made(event)
        if not isinstance(bubble, Bubble):
            blocks.append(bubble)
            continue
        side = SIDES[event.type]
        whole = (event.chat_id, event.message_id)
        if side == AI and event.message_id and _merge(places.get(whole), bubble):
            continue
        last = blocks[-1] if blocks else None
        minute = local.replace(second=0, microsecond=0)
        if not isinstance(last, Turn) or last.side != side or last.at != minute:
            if isinstance(last, Turn) and last.at == minute:
                last.tells_time = False
            last = Turn(side, minute)
            blocks.append(last)
        last.bubbles.append(bubble)
        if side == AI:
            places[whole] = bubble
    return days


def _made(event: TrailEvent) -> Bubble | Badge | Failure | Unshown:
    try:
        if event.error is not None:
            return _failure(event)
        return _bubble(event) if event.type in SIDES else badge(event)
    except Exception as error:
        note(event.id, error)
        return Unshown(event.id, event.type, event.at)


def _bubble(event: TrailEvent) -> Bubble:
    told = event.attributes
    is_picture = event.type == "image_generated"
    return Bubble(
        anchors=[event.id],
        at=event.at,
        kind="text" if event.type != "user_message" else told.get("chattrail.message.kind") or "text",
        text=event.text,
        length=told.get("chattrail.message.length", "") if not event.text else "",
        picture=event.image,
        has_picture=is_picture,
        prompt=told.get("chattrail.image.prompt", ""),
        model=told.get("gen_ai.response.model") or told.get("gen_ai.request.model", ""),
        duration_ms=read_number(told.get("chattrail.image.duration_ms") or told.get("chattrail.ai.duration_ms", "")),
        type=event.type,
    )


def _merge(into: Bubble | None, other: Bubble) -> bool:
    """Join a picture and its caption when one of the two is there already and lacks what the other has."""
    if into is None or into.has_picture == other.has_picture:
        return False
    into.anchors += other.anchors
    into.has_picture, into.picture = True, into.picture or other.picture
    into.text, into.length = into.text or other.text, into.length or other.length
    into.prompt, into.model = into.prompt or other.prompt, into.model or other.model
    return True


def _failure(event: TrailEvent) -> Failure:
    told = event.attributes
    known = ("ai_message", "image_generated", "handler_failed")
    details = [
        ("error", event.error or told.get("error.type", "")),
        ("message", told.get("exception.message", "") or (event.text if event.type == "ai_message" else "")),
        ("handler", told.get("chattrail.handler", "")),
        ("model", told.get("gen_ai.request.model", "")),
        ("prompt", told.get("chattrail.image.prompt", "")),
    ]
    words = f"failure.{event.type}" if event.type in known else "failure.event"
    return Failure(event.id, event.at, words, event.error or "", [each for each in details if each[1]], type=event.type)


def badge(event: TrailEvent) -> Badge:
    """The one line for an event that is no message. An event of a type unknown here shows its name."""
    told, kind = event.attributes, event.type
    made = Badge(event.id, event.at, "circle-alert", f"event.{kind}", type=kind)
    if kind == "start_command":
        made.icon = "route"
        made.words = "event.start_returning" if told.get("chattrail.start.returning") == "true" else made.words
        made.more = told.get("chattrail.start.payload", "")
    elif kind == "command":
        made.icon, made.subject = "terminal", "/" + told.get("chattrail.command.name", "").lstrip("/")
    elif kind in ("persona_selected", "story_selected"):
        noun = kind.removesuffix("_selected")
        made.icon = "drama" if noun == "persona" else "book-open"
        made.subject = told.get(f"chattrail.{noun}.name") or told.get(f"chattrail.{noun}.id", "")
    elif kind == "image_refresh":
        made.icon = "refresh-cw"
    elif kind == "chat_cleared":
        made.icon, made.more = "trash-2", told.get("chattrail.chat.messages", "")
        made.number = read_number(made.more)
    elif kind == "chat_continued":
        made.icon, made.more = "rotate-ccw", told.get("chattrail.chat.idle_s", "")
        made.number = read_number(made.more)
    elif kind == "premium_action":
        _premium(made, event)
    elif kind in ("bot_blocked", "bot_unblocked"):
        made.icon = "ban" if kind == "bot_blocked" else "circle-check"
        made.tone = "bad" if kind == "bot_blocked" else ""
    else:
        made.words, made.subject = "event.unknown", kind
    return made


def _premium(made: Badge, event: TrailEvent) -> None:
    told = event.attributes
    action = told.get("chattrail.premium.action", "")
    known = ("offered", "invoice_sent", "paid", "refunded", "expired")
    made.icon = {"paid": "star", "refunded": "undo-2", "expired": "clock"}.get(action, "crown")
    made.tone = "paid" if action == "paid" else ""
    made.words = f"event.premium_{action if action in known else 'other'}"
    made.subject = told.get("chattrail.premium.plan", "")
    amount, currency = told.get("chattrail.premium.amount", ""), told.get("chattrail.premium.currency", "")
    made.number = read_number(amount)
    unit = "★" if currency == "XTR" else currency
    made.more = unit if made.number is not None else f"{amount} {unit}".strip() if amount else ""
    if action not in known:
        made.subject = made.subject or action
