"""The models of figures. Pages and JSON API show the same objects: fields have the names of the API (web/api/output.py has
the exceptions), times are aware and in UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from web.analytics.loss_accounting import LossAccounting

Bucket = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Span:
    """The range that figures are for: `start` ≤ t < `end`. Buckets begin at local midnights of `timezone`."""

    start: datetime
    end: datetime
    timezone: str
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline number, the same of the stretch before (None for all time), and its value per bucket."""

    value: int | float
    previous: int | float | None
    series: tuple[int | float, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The six headline numbers; `web.analytics.metric_definitions` says how each is counted."""

    people: Figure
    new_people: Figure
    messages: Figure
    answers: Figure
    pictures: Figure
    stars: Figure


@dataclass(frozen=True, slots=True)
class ActivityPoint:
    """One bucket of the activity chart; `at` is its first instant."""

    at: datetime
    people: int
    messages: int
    answers: int
    pictures: int


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """People who got as far as this step: start, persona, story, answer, paid."""

    step: str
    people: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A persona or a story, with the people who wrote in it and their messages."""

    id: str
    name: str
    people: int
    messages: int


@dataclass(frozen=True, slots=True)
class CommandCount:
    """How often a command was sent."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class LanguagePeople:
    """People by the language of their Telegram client; an unknown one has the code ''."""

    code: str
    people: int


@dataclass(frozen=True, slots=True)
class Images:
    """Images sent, asked for again, and failed."""

    made: int
    refreshed: int
    failed: int


@dataclass(frozen=True, slots=True)
class Ai:
    """The bot's answers. Answer times are None when no answer has one."""

    answers: int
    failures: int
    input_tokens: int
    output_tokens: int
    duration_ms_p50: float | None
    duration_ms_p95: float | None


@dataclass(frozen=True, slots=True)
class Premium:
    """The way to a payment; stars are net of refunds."""

    offers: int
    invoices: int
    payments: int
    refunds: int
    stars: int | float


@dataclass(frozen=True, slots=True)
class Blocks:
    """How often the bot was blocked and unblocked."""

    blocked: int
    unblocked: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many numbers the sums leave out, because no price, answer time or count of tokens can be so.

    `events` came without any time, and are in no figure of any range: how many there are, ever.
    """

    amounts: int
    durations: int
    tokens: int
    events: int


@dataclass(frozen=True, slots=True)
class ImageFailures:
    """How many images could not be archived for a reason."""

    reason: str
    pictures: int


@dataclass(frozen=True, slots=True)
class ImageStats:
    """What has become of all images ever, whatever the range. `bytes` counts an image of several events once."""

    archived: int
    pending: int
    failed: int
    erased: int
    bytes: int
    oldest_pending_at: datetime | None
    failures: tuple[ImageFailures, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """The Statistics page. `newest_event_at` is None before the first event ever."""

    range: Span
    generated_at: datetime
    newest_event_at: datetime | None
    figures: Figures
    activity: tuple[ActivityPoint, ...]
    funnel: tuple[FunnelStep, ...]
    personas: tuple[Choice, ...]
    stories: tuple[Choice, ...]
    commands: tuple[CommandCount, ...]
    languages: tuple[LanguagePeople, ...]
    pictures: Images
    ai: Ai
    premium: Premium
    blocks: Blocks
    failures: int
    left_out: LeftOut
    loss_accounting: LossAccounting
    image_stats: ImageStats
