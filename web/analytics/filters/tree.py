"""What a filter says, as a tree. `str` of any part is its text, which reads back as the same tree."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from web.analytics.ranges import EARLIEST, SLOT, floor_slot, local_day, midnight

BARE = re.compile(r"""[^\s"“”«»,()\\]+""")  # a value that needs no quotes


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days in the deployment's zone: the last `count`, or `first` to `last`, both included and either open."""

    count: int | None = None
    first: date | None = None
    last: date | None = None

    def instants(self, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
        """Where it begins and where it ends, in UTC; an open end is that of the quarter of an hour that `now` lies in."""
        today = local_day(now, zone)
        first = today - timedelta(days=self.count - 1) if self.count else self.first or EARLIEST
        end = midnight(self.last + timedelta(days=1), zone) if self.last else floor_slot(now) + SLOT
        return midnight(max(first, EARLIEST), zone), end

    def __str__(self) -> str:
        if self.count:
            return f"{self.count}d"
        if self.first == self.last:
            return f"{self.first}"
        return f"{self.first or ''}..{self.last or ''}"


@dataclass(frozen=True, slots=True)
class Property:
    """What a property of a custom event must be: one of some texts (`:`), or a number compared with another."""

    name: str
    operator: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{','.join(map(quoted, self.values))}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. What `values` and `days` mean depends on the kind of its field (web/analytics/filters/fields.py)."""

    name: str
    values: tuple[str, ...] = ()
    operator: str = ":"
    properties: tuple[Property, ...] = ()
    days: Days | None = None

    def __str__(self) -> str:
        if not self.values:
            return f"{self.name}:{self.days}"
        text = f"{self.name}{self.operator}{','.join(map(quoted, self.values))}"
        text += "".join(f" with {each}" for each in self.properties)
        return text + (f" in {self.days}" if self.days else "")


@dataclass(frozen=True, slots=True)
class Not:
    """Everybody else."""

    part: "Tree"

    def __str__(self) -> str:
        return f"not {_within(self.part, And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of two parts or more."""

    parts: tuple["Tree", ...]

    def __str__(self) -> str:
        return " ".join(_within(part, Or, And) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of two parts or more."""

    parts: tuple["Tree", ...]

    def __str__(self) -> str:
        return " or ".join(_within(part, Or) for part in self.parts)


Tree: TypeAlias = Condition | Not | And | Or


def all_of(*parts: Tree | None) -> Tree | None:
    """What all of these say together, in one row; None says nothing."""
    flat = [each for part in parts if part is not None for each in (part.parts if isinstance(part, And) else (part,))]
    once = list(dict.fromkeys(flat))
    return And(tuple(once)) if len(once) > 1 else once[0] if once else None


def parts_of(tree: Tree | None) -> tuple[Tree, ...]:
    """What must all hold."""
    return tree.parts if isinstance(tree, And) else () if tree is None else (tree,)


def quoted(value: str) -> str:
    """A value as it stands in the text."""
    if BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _within(part: Tree, *loose: type) -> str:
    return f"({part})" if isinstance(part, loose) else str(part)
