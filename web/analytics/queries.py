"""Parameters of the lists, read from a request. Pages and JSON API share the rules; a bad one raises ParameterError."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from web.analytics.filters.request import read_filter
from web.analytics.filters.tree import Tree
from web.analytics.names import SEARCH_MAX, STEPS, is_event_name
from web.analytics.ranges import ALL, Range, read_range
from web.errors import ParameterError

Order = Literal["asc", "desc"]
UserSort = Literal[
    "last_seen",
    "first_seen",
    "name",
    "messages",
    "bot_messages",
    "answers",
    "pictures",
    "refreshes",
    "clears",
    "commands",
    "failures",
    "sessions",
    "stars",
    "source",
    "plan",
    "model",
]
USER_SORTS: tuple[UserSort, ...] = get_args(UserSort)
TEXT_SORTS: frozenset[UserSort] = frozenset({"name", "source", "plan", "model"})  # from a to z by default
Kind = Literal["person", "bot", "pictures", "commands", "payments", "failures", "custom", "changes"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FIRST_DAY, LAST_DAY = dt.date(1970, 1, 2), dt.date(2200, 1, 1)
LIMIT_DEFAULT, LIMIT_MAX = 50, 200
EVENT_STEP = "event:"  # before the name of a custom event
STEPS_MAX = 8


@dataclass(frozen=True, slots=True)
class UsersQuery:
    """Which people, in which order. `q` looks in name, username and id; `filter` says who else, None lets everybody through."""

    sort: UserSort = "last_seen"
    order: Order = "desc"
    q: str = ""
    filter: Tree | None = None
    limit: int = LIMIT_DEFAULT
    cursor: str | None = None

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> "UsersQuery":
        """Read from a query string's parameters; an empty one counts as absent."""
        sort = choice(arguments, "sort", USER_SORTS, "last_seen")
        return cls(
            sort=cast("UserSort", sort),
            order=_order(arguments, "asc" if sort in TEXT_SORTS else "desc"),
            q=_search(arguments),
            filter=read_filter(arguments),
            limit=_limit(arguments),
            cursor=arguments.get("cursor") or None,
        )


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """Which events of one person: newest first by default.

    `kind` is what they are about, `q` a text that they hold; `event` (its id) and `date` say where the page begins, and a
    cursor, which is a place of its own, takes their place.
    """

    order: Order = "desc"
    kind: Kind | None = None
    q: str = ""
    date: dt.date | None = None
    event: str | None = None
    limit: int = LIMIT_DEFAULT
    cursor: str | None = None

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> "TrailQuery":
        """Read from a query string's parameters; an empty one counts as absent."""
        kind = choice(arguments, "kind", KINDS, "") if arguments.get("kind") else None
        return cls(
            order=_order(arguments, "desc"),
            kind=cast("Kind | None", kind),
            q=_search(arguments),
            date=_date(arguments),
            event=_event_id(arguments),
            limit=_limit(arguments),
            cursor=arguments.get("cursor") or None,
        )


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Which texts: those with all words of `q`, of a range, of people as a filter says."""

    q: str
    range: Range
    filter: Tree | None = None
    limit: int = LIMIT_DEFAULT
    cursor: str | None = None

    @classmethod
    def read(cls, arguments: Mapping[str, str], zone: ZoneInfo, now: dt.datetime) -> "SearchQuery":
        """Read from a query string's parameters; an empty one counts as absent, and without a range all texts are meant."""
        dated = any(arguments.get(name) for name in ("range", "from", "to"))
        return cls(
            q=_search(arguments),
            range=read_range(arguments if dated else {"range": ALL}, zone, now),
            filter=read_filter(arguments),
            limit=_limit(arguments),
            cursor=arguments.get("cursor") or None,
        )


def read_steps(arguments: Mapping[str, str]) -> tuple[str, ...]:
    """The steps of a funnel from `steps=start,event:quiz_finished,paid`; empty: the usual ones. Raises ParameterError."""
    steps = tuple(filter(None, (each.strip() for each in (arguments.get("steps") or "").split(","))))
    if len(steps) > STEPS_MAX:
        raise ParameterError("steps", f"has {len(steps)} steps; at most {STEPS_MAX} are counted")
    if len(set(steps)) < len(steps):
        raise ParameterError("steps", "names a step more than once")
    for step in steps:
        name = step.removeprefix(EVENT_STEP)
        if step not in STEPS and (name in ("", step) or not is_event_name(name)):
            raise ParameterError("steps", f"must be of {', '.join(STEPS)} and event:NAME, separated by commas")
    return steps


def _search(arguments: Mapping[str, str]) -> str:
    q = arguments.get("q", "").strip()
    if len(q) > SEARCH_MAX:
        raise ParameterError("q", f"has {len(q)} characters; at most {SEARCH_MAX} are looked for")
    if "\x00" in q:
        raise ParameterError("q", "contains a zero byte")
    return q


def _date(arguments: Mapping[str, str]) -> dt.date | None:
    value = arguments.get("date")
    if not value:
        return None
    try:
        found = dt.date.fromisoformat(value)
    except ValueError:
        raise ParameterError("date", "must be a date such as 2026-11-20") from None
    return min(max(found, FIRST_DAY), LAST_DAY)  # beyond lies no event


def _event_id(arguments: Mapping[str, str]) -> str | None:
    value = arguments.get("event")
    if not value:
        return None
    try:
        return str(UUID(value))
    except ValueError:
        raise ParameterError("event", "must be the id of an event") from None


def choice(arguments: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    """One of some words; an empty one counts as absent. Raises ParameterError."""
    value = arguments.get(name) or default
    if value not in choices:
        raise ParameterError(name, f"must be one of {', '.join(choices)}")
    return value


def _order(arguments: Mapping[str, str], default: Order) -> Order:
    return cast("Order", choice(arguments, "order", ("asc", "desc"), default))


def _limit(arguments: Mapping[str, str]) -> int:
    value = arguments.get("limit")
    if not value:
        return LIMIT_DEFAULT
    if not (value.isascii() and value.isdigit() and len(value) <= 9 and 1 <= int(value) <= LIMIT_MAX):
        raise ParameterError("limit", f"must be a whole number from 1 to {LIMIT_MAX}")
    return int(value)
