"""Sources: what the first /start of people carried (its deep link's payload), and what became of these people. Models."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from web.analytics.models import Revenue, Span
from web.analytics.queries import choice

SOURCES_MAX = 200
STAYED_DAYS = 7
SOURCES_RANGE = "30d"


def wants_each(arguments: Mapping[str, str]) -> bool:
    """Whether each payload is asked for by itself. Raises ParameterError."""
    return choice(arguments, "each", ("0", "1"), "0") == "1"


@dataclass(frozen=True, slots=True)
class Source:
    """People who came first in the range by one source; over all time `wrote` of them sent a message and `paid` of them paid.

    `old_enough` of them came on a day that is more than STAYED_DAYS days ago, and `stayed` of these did something that long
    after their first own action, or later. Revenue is net of refunds, Stars as XTR.
    """

    people: int
    wrote: int
    old_enough: int
    stayed: int
    paid: int
    revenue: tuple[Revenue, ...]


@dataclass(frozen=True, slots=True)
class NamedSource:
    """A payload, '' for none. One that ends with `*` is all that begin so."""

    source: str
    counted: Source


@dataclass(frozen=True, slots=True)
class Sources:
    """The largest first, and all together. `cut` says that there are more than SOURCES_MAX."""

    bot: str | None
    range: Span
    generated_at: datetime
    old_enough_until: datetime
    cut: bool
    total: Source
    sources: tuple[NamedSource, ...]
