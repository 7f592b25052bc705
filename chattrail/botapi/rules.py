"""A row of the tables of the Bot API: what becomes of a method, of a kind of update, of a message's content."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

Read = TypeVar("Read", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Rule(Generic[Read]):
    """Recorded as `says`, by `read`; or ignored because `says`."""

    says: str
    read: Read | None = None


def table(recorded: Mapping[str, tuple[str, Read]], ignored: Mapping[str, Iterable[str]]) -> Mapping[str, Rule[Read]]:
    """Return the rules by name; what is ignored is listed by reason."""
    rules = {name: Rule(says, read) for name, (says, read) in recorded.items()}
    for reason, names in ignored.items():
        for name in names:
            if name in rules:
                raise ValueError(f"{name} has two rules")
            rules[name] = Rule(reason)
    return MappingProxyType(rules)
