"""The models of figures. Pages and JSON API show the same objects: fields have the names of the API (web/api/output.py has
the exceptions), times are aware and in UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from web.analytics.cost import Cost
from web.analytics.figure import Figure as Figure
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
class Figures:
    """The headline numbers; `counted` in web/texts says how each is counted."""

    people: Figure
    new_people: Figure
    messages: Figure
    bot_messages: Figure
    answers: Figure
    pictures: Figure
    stars: Figure


@dataclass(frozen=True, slots=True)
class ActivityPoint:
    """One bucket of the activity chart; `at` is its first instant."""

    at: datetime
    people: int
    messages: int
    bot_messages: int
    answers: int
    pictures: int


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """People who got as far as this step: start, persona, story, answer, paid as far as anybody ever took them.

    Or one of the steps that were asked for, `event:` and the name of a custom event among them.
    """

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
class CustomCount:
    """A custom event: with how many people and how often it happened."""

    name: str
    people: int
    count: int


@dataclass(frozen=True, slots=True)
class Chat:
    """What happened to messages once they were sent, and what people answered by a tap."""

    edited_by_people: int
    edited_by_bot: int
    deleted: int
    reactions: int
    votes: int


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
class Revenue:
    """Paid less refunded in one currency, in its units; `minor_digits` is how many digits it has behind the point."""

    currency: str
    amount: int | float
    minor_digits: int


@dataclass(frozen=True, slots=True)
class Premium:
    """The way to a payment; stars and revenue are net of refunds, and currencies are never added to one another."""

    offers: int
    invoices: int
    payments: int
    first_payments: int
    renewals: int
    refunds: int
    refused: int
    cancelled: int
    stars: int | float
    revenue: tuple[Revenue, ...]


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

    @property
    def has_images(self) -> bool:
        """Whether any image has ever come."""
        return any((self.archived, self.pending, self.failed, self.erased))


@dataclass(frozen=True, slots=True)
class Stats:
    """The Statistics page, of one bot or of all. `newest_event_at` is None before the first event ever.

    `loss_accounting` and `image_stats` are of all bots.
    """

    bot: str | None
    range: Span
    generated_at: datetime
    newest_event_at: datetime | None
    figures: Figures
    activity: tuple[ActivityPoint, ...]
    funnel: tuple[FunnelStep, ...]
    personas: tuple[Choice, ...]
    stories: tuple[Choice, ...]
    commands: tuple[CommandCount, ...]
    custom: tuple[CustomCount, ...]
    languages: tuple[LanguagePeople, ...]
    pictures: Images
    chat: Chat
    ai: Ai
    cost: Cost
    premium: Premium
    blocks: Blocks
    failures: int
    left_out: LeftOut
    loss_accounting: LossAccounting
    image_stats: ImageStats
