"""Which people a figure or a list is about, as SQL: what filters become, and what queries take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PeopleCondition:
    """Which people: a condition in SQL on rows of `people` (alias `a`), and its bound parameters.

    It may hold `$of_bot`, the condition on the column `bot` that a BotReader puts in.
    """

    sql: str
    values: Mapping[str, Any]


EVERYBODY = PeopleCondition("1", {})
