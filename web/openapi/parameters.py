"""The parameters of the JSON API; web/analytics/queries.py and web/analytics/ranges.py read them."""

from collections.abc import Mapping
from typing import Any

from web.analytics.filters.grammar import LENGTH_MAX
from web.analytics.funnel import FUNNEL_RANGE, FUNNEL_SPLITS, STEPS_LENGTH_MAX, WITHIN, WITHIN_DEFAULT
from web.analytics.funnel import KINDS as STEP_KINDS
from web.analytics.names import SEARCH_MAX, STEPS
from web.analytics.queries import KINDS, LIMIT_DEFAULT, LIMIT_MAX, STEPS_MAX, USER_SORTS
from web.analytics.ranges import ALL, PRESETS
from web.analytics.retention import DEFAULT_RANGE, PERIODS, SPLITS
from web.analytics.saved import SAVED_KINDS
from web.analytics.sources import SOURCES_RANGE
from web.openapi.operation import Parameter

DATE = {"type": "string", "format": "date"}
FLAG = {"type": "string", "enum": ["0", "1"]}


def _choice(*choices: str, default: str | None = None) -> Mapping[str, Any]:
    return {"type": "string", "enum": list(choices)} | ({"default": default} if default else {})


def _text(longest: int | None = None, pattern: str | None = None) -> Mapping[str, Any]:
    bounds = {"maxLength": longest, "pattern": pattern}
    return {"type": "string"} | {name: value for name, value in bounds.items() if value is not None}


RANGE = Parameter("range", _choice(*PRESETS, ALL, default="7d"), "calendar days, today included, or `all`")
FROM = Parameter("from", DATE, "a date such as `2026-11-20`, the first day; not together with `range`")
TO = Parameter("to", DATE, "the last day, included; only together with `from`; left out: today")
BOT = Parameter("bot", _text(), "one of the bots of `GET /api/analytics/bots`; left out: all of them")
STEPS_OF_FUNNEL = Parameter(
    "steps",
    _text(),
    f"the steps of the funnel, up to {STEPS_MAX} separated by commas: {', '.join(f'`{step}`' for step in STEPS)}, `event:` and"
    " the name of a custom event; left out: the five, without those that nobody ever took",
)
SORT = Parameter("sort", _choice(*USER_SORTS, default="last_seen"), "what the list is in the order of")
USERS_ORDER = Parameter(
    "order", _choice("asc", "desc"), "left out: `desc`, and `asc` by `name`, `source`, `plan` and `model`"
)
Q = Parameter(
    "q",
    _text(SEARCH_MAX, "^[^\\u0000]*$"),
    f"text of up to {SEARCH_MAX} characters, looked for in name, username and id, capitals and small letters alike",
)
FILTER = Parameter(
    "filter",
    _text(LENGTH_MAX),
    "who is meant, in [the language of filters](filter.md): `language:ru paid:yes not active:30d`; everything else that is asked"
    " for must hold, too",
)
PAID = Parameter("paid", FLAG, "`1` who ever paid, `0` who never did")
BLOCKED = Parameter("blocked", FLAG, "`1` who blocked the bot last, `0` the others")
LANGUAGE = Parameter("language", _text(35, "^-*[A-Za-z0-9][A-Za-z0-9-]*$"), "a language code such as `en`")
EVENT = Parameter("event", _text(SEARCH_MAX), "the name of a custom event that happened with them")
LIMIT = Parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    f"how many, 1 to {LIMIT_MAX}",
)
CURSOR = Parameter("cursor", _text(), "`next_cursor` of the page before")
KIND = Parameter(
    "kind",
    _choice(*KINDS),
    "what they are about: messages of the `person` or the `bot`, `pictures`, `commands` and choices, `payments`, `failures`,"
    " `custom` events, `changes` (edits, deletions, reactions, votes)",
)
WORDS = Parameter(
    "q",
    _text(SEARCH_MAX),
    "the words, all of which a text must have: capitals and small letters alike, each as the beginning of a word"
    " (`help` finds `Helpful`); needed",
    is_needed=True,
)
SEARCH_RANGE = Parameter("range", _choice(*PRESETS, ALL, default=ALL), RANGE.description)
TEXT = Parameter(
    "q",
    _text(SEARCH_MAX, "^[^\\u0000]*$"),
    f"text of up to {SEARCH_MAX} characters that a message, prompt, name, file or error holds, capitals and small letters alike",
)
DAY = Parameter("date", DATE, "begin with this day's first event (`asc`) or its last (`desc`), or what follows them")
FIRST_EVENT = Parameter("event", {"type": "string", "format": "uuid"}, "begin with this event, by its id")
TRAIL_ORDER = Parameter("order", _choice("asc", "desc", default="desc"), "`desc`: newest first")

SAVED_KIND = Parameter("kind", _choice(*SAVED_KINDS), "of which kind; needed", is_needed=True)
PERIOD = Parameter(
    "period",
    _choice(*PERIODS),
    "how long each period is; left out: days up to a month, weeks up to half a year, else months",
)
SPLIT = Parameter(
    "split",
    _choice(*SPLITS, default=SPLITS[0]),
    "cohorts of the people who came `first` in the same period, or who have the same source (what the first /start carried),"
    " language, persona, first event, or Telegram Premium",
)
RANGE_OF_COHORTS = Parameter("range", _choice(*PRESETS, ALL, default=DEFAULT_RANGE), RANGE.description)

ORDERED_STEPS = Parameter(
    "steps",
    _text(STEPS_LENGTH_MAX),
    f"up to {STEPS_MAX} steps separated by commas: {', '.join(f'`{step}`' for step in STEP_KINDS)}, `command:NAME`, `event:NAME`"
    " and `event:NAME{KEY=VALUE}` for a custom event with a property; left out: steps that suit what the bot sends",
)
WITHIN_TIME = Parameter(
    "within", _choice(*WITHIN, default=WITHIN_DEFAULT), "in which time from the first step all others must follow"
)
FUNNEL_SPLIT = Parameter("split", _choice(*FUNNEL_SPLITS, default="none"), "tell people apart by what they are")
RANGE_OF_FUNNEL = Parameter("range", _choice(*PRESETS, ALL, default=FUNNEL_RANGE), RANGE.description)

RANGE_OF_SOURCES = Parameter("range", _choice(*PRESETS, ALL, default=SOURCES_RANGE), RANGE.description)
EACH = Parameter(
    "each",
    FLAG,
    "`1`: each payload by itself; left out: those that begin alike together, by CHATTRAIL_WEB_SOURCE_BEGINNINGS",
)

TRAIL_FILTERS = (KIND, TEXT)
TRAIL = (TRAIL_ORDER, *TRAIL_FILTERS, DAY, FIRST_EVENT)
FILTERS = (Q, FILTER, PAID, BLOCKED, LANGUAGE, EVENT)
FUNNEL = (ORDERED_STEPS, WITHIN_TIME, FUNNEL_SPLIT, RANGE_OF_FUNNEL, FROM, TO, FILTER, BOT)
SOURCES = (RANGE_OF_SOURCES, FROM, TO, EACH, FILTER, BOT)
RETENTION = (RANGE_OF_COHORTS, FROM, TO, PERIOD, SPLIT, FILTER, BOT)
