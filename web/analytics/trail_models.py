"""The models of people, their events and images, as web/analytics/models.py has those of figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from web.analytics.models import Revenue

ALBUM = "telegram.message.media_group_id"  # the attribute that messages of one album share
RECEIVED = "received"  # the time source of an event without any time


@dataclass(frozen=True, slots=True)
class UserRow:
    """One person over all time. Strings are '' when never sent; `amounts_left_out` counts what sums of money leave out.

    `source` is what the first /start carried, `plan` what was paid last, `model` the one that answered last. `cost` and `margin`
    are in the currency of the price table, None without one; a margin needs a rate for all that was paid. What has no price is
    in neither, and `is_priced` is false then.
    """

    client_id: str
    name: str
    username: str
    language_code: str
    is_premium: bool
    first_seen: datetime
    last_seen: datetime
    messages: int
    bot_messages: int
    answers: int
    pictures: int
    refreshes: int
    clears: int
    commands: int
    sessions: int
    stars: int | float
    blocked: bool
    failures: int
    persona_id: str
    amounts_left_out: int
    revenue: tuple[Revenue, ...]
    source: str
    plan: str
    model: str
    cost: int | float | None = None
    margin: int | float | None = None
    is_priced: bool = True


@dataclass(frozen=True, slots=True)
class UserPage:
    """One page of people; `total` counts all that match, `next_cursor` is None on the last page."""

    users: tuple[UserRow, ...]
    next_cursor: str | None
    total: int


@dataclass(frozen=True, slots=True)
class TrailImage:
    """The image of an event. `status`: pending, stored, failed, erased; addresses only when stored where pages can
    get it, else `reason` says why not.
    """

    status: str
    url: str | None
    thumbnail_url: str | None
    content_type: str
    width: int
    height: int
    reason: str


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """One event of a person. `type` is without the `chattrail.` prefix; `attributes` are all non-empty ones as text.

    `time_source` tells where `at` is from: the event, its observed time, the id, or, of one without any time, its receipt.
    """

    id: str
    type: str
    at: datetime
    sequence: int
    session_id: str
    chat_id: str
    update_id: int
    message_id: int
    persona_id: str
    story_id: str
    text: str
    attributes: Mapping[str, str]
    image: TrailImage | None
    error: str | None
    time_source: str = "event"


@dataclass(frozen=True, slots=True)
class TrailPage:
    """One page of a person's trail, in the order asked for.

    `next_cursor` goes on behind it, None at the end; `previous_cursor` is for the other order: it goes back from the page's
    first event, so that what has come since is read by it. None where the page has no events.
    """

    client_id: str
    user: UserRow
    events: tuple[TrailEvent, ...]
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """When a session of a person began and how long it lasted, as far as it lies within a day of what was asked for."""

    begin: datetime
    length_ms: float


@dataclass(frozen=True, slots=True)
class StoredImage:
    """Where an image is stored: `key` is relative to the images directory, or the store's name for it."""

    status: str
    store: str
    key: str
    content_type: str
    sha256: str
    reason: str
