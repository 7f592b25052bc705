"""A funnel of the owner's own steps: in this order, within a time from the first one. Parameters and models."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast, get_args

from web.analytics.models import Span
from web.analytics.names import is_event_name
from web.analytics.queries import STEPS_MAX, choice
from web.errors import ParameterError

WITHIN: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
WITHIN_DEFAULT = "7d"
FunnelSplit = Literal["none", "source", "language", "persona", "first_event", "premium"]
FUNNEL_SPLITS: tuple[FunnelSplit, ...] = get_args(FunnelSplit)
FUNNEL_RANGE = "30d"
STEPS_LENGTH_MAX = 1000
# Steps that any bot may have, and the events that they are: conditions on rows of `events`.
KINDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "start": (("start_command",), "1"),
    "message": (("user_message",), "1"),
    "command": (("command",), "1"),
    "persona": (("persona_selected",), "1"),
    "story": (("story_selected",), "1"),
    "answer": (("ai_message", "bot_message"), "error_type = ''"),
    "picture": (("image_generated",), "error_type = ''"),
    "refresh": (("image_refresh",), "1"),
    "reaction": (("reaction",), "side != 'bot' AND action != ''"),
    "vote": (("poll",), "action = 'voted'"),
    "clear": (("chat_cleared",), "1"),
    "offer": (("premium_action",), "premium_action = 'offered'"),
    "invoice": (("premium_action",), "premium_action = 'invoice_sent'"),
    "paid": (("premium_action",), "premium_action = 'paid'"),
    "refund": (("premium_action",), "premium_action = 'refunded'"),
    "block": (("bot_blocked",), "1"),
}
NAMED = re.compile(r"(event|command):([^,{}]+)(?:\{([^,{}=]+)=([^,{}]*)\})?")
# A comma within a step would end it, so names that have one cannot be chosen.


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a kind that any bot may have, or a custom event or command by its name, maybe with a property's value."""

    kind: str
    name: str = ""
    key: str = ""
    value: str = ""

    @classmethod
    def read(cls, text: str) -> "Step | None":
        """A step from its text, as `event:quiz_finished{level=3}`; None when it is none."""
        if text in KINDS:
            return cls(text)
        found = NAMED.fullmatch(text)
        if found is None or not text.isprintable():
            return None
        kind, name, key, value = found.groups(default="")
        if not is_event_name(name) or (key and kind != "event"):
            return None
        return cls(kind, name, key, value)

    def __str__(self) -> str:
        """Its text, from which `read` makes it again."""
        with_property = f"{{{self.key}={self.value}}}" if self.key else ""
        return f"{self.kind}:{self.name}{with_property}" if self.name else self.kind

    @property
    def types(self) -> tuple[str, ...]:
        """The types of events that it can be."""
        return {"event": ("custom",), "command": ("command",)}[self.kind] if self.name else KINDS[self.kind][0]

    def condition(self, number: int) -> tuple[str, dict[str, str]]:
        """A condition on rows of `events`, and its parameters, whose names end with a number."""
        if not self.name:
            types = ", ".join(f"'{each}'" for each in self.types)
            return f"type IN ({types}) AND {KINDS[self.kind][1]}", {}
        column = {"event": "custom_name", "command": "command"}[self.kind]
        sql = f"type = '{self.types[0]}' AND {column} = {{name{number}:String}}"
        values = {f"name{number}": self.name}
        if self.key:
            sql += f" AND attributes[{{key{number}:String}}] = {{value{number}:String}}"
            values |= {f"key{number}": f"chattrail.property.{self.key}", f"value{number}": self.value}
        return sql, values


@dataclass(frozen=True, slots=True)
class FunnelQuery:
    """Which steps (empty: those that suit the bot), within which time from the first, and by what people are told apart."""

    steps: tuple[Step, ...] = ()
    within: str = WITHIN_DEFAULT
    split: FunnelSplit = "none"

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> "FunnelQuery":
        """Read `steps=start,event:quiz_finished{level=3},paid`, `within` and `split`. Raises ParameterError."""
        return cls(
            read_funnel_steps(arguments.get("steps") or ""),
            choice(arguments, "within", tuple(WITHIN), WITHIN_DEFAULT),
            cast("FunnelSplit", choice(arguments, "split", FUNNEL_SPLITS, "none")),
        )


def read_funnel_steps(text: str) -> tuple[Step, ...]:
    """Steps separated by commas; one may come more than once. Raises ParameterError."""
    if len(text) > STEPS_LENGTH_MAX:
        raise ParameterError("steps", f"has {len(text)} characters; at most {STEPS_LENGTH_MAX} are read")
    steps = []
    for each in filter(None, (part.strip() for part in text.split(","))):
        step = Step.read(each)
        if step is None:
            raise ParameterError(
                "steps",
                f"{ascii(each)[:60]} is no step; they are {', '.join(KINDS)}, command:NAME, event:NAME and event:NAME{{KEY=VALUE}}",
            )
        steps.append(step)
    if len(steps) > STEPS_MAX:
        raise ParameterError("steps", f"has {len(steps)} steps; at most {STEPS_MAX} are counted")
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class OrderedStep:
    """How many people got as far as this step. `median_ms` is the time from the step before it: half of them took no longer."""

    step: str
    people: int
    median_ms: float | None


@dataclass(frozen=True, slots=True)
class FunnelOfValue:
    """The funnel of the people who share a value; None: of all whose value is not among the most frequent."""

    value: str | None
    steps: tuple[OrderedStep, ...]


@dataclass(frozen=True, slots=True)
class OrderedFunnel:
    """People who took the steps in this order, all within `within_s` seconds from the first and within the range.

    `values` has the same for those who share a value of `split`, the most people first.
    """

    bot: str | None
    range: Span
    generated_at: datetime
    within_s: int
    split: FunnelSplit
    steps: tuple[OrderedStep, ...]
    values: tuple[FunnelOfValue, ...]


@dataclass(frozen=True, slots=True)
class OfferedStep:
    """A step that people of the bot took within the range, and how often."""

    step: Step
    count: int


def suitable(offered: tuple[OfferedStep, ...]) -> tuple[Step, ...]:
    """A first funnel for a bot, of what it really sends: from the start by a choice or a message to what it is paid for."""
    there = {each.step.kind: each.step for each in reversed(offered)}  # of named ones the most frequent
    wanted = ("start", "persona" if "persona" in there else "message", "answer", "event", "offer", "paid")
    return tuple(there[kind] for kind in wanted if kind in there)
