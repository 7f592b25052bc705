"""The bots there are, and queries about one of them or about all."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, Self

from web.analytics.bots import Bot, bots_of, chosen
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.sql import sql
from web.analytics.people_condition import PeopleCondition
from web.analytics.person_key import text_of

BOTS_MAX = 1_000
PART = "CAST(unhex({part:String}), 'AggregateFunction(groupBitmap, UInt32)')"


class BotQueries:
    """Queries for bots."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    def all(self) -> tuple[Bot, ...]:
        """All that can be chosen, those with the newest events first."""
        rows = self._clickhouse.rows(sql("bots"), {"limit": BOTS_MAX})
        return bots_of(
            (text_of(bytes.fromhex(bot)), text_of(bytes.fromhex(stored)), username) for bot, stored, username, _ in rows
        )

    def chosen(self, arguments: Mapping[str, str]) -> Bot | None:
        """The one that the parameter `bot` names, or None. Raises ParameterError for one that there is not."""
        return chosen(arguments, self.all()) if arguments.get("bot") else None


class BotReader:
    """Runs named queries about one bot, or about all.

    Their piece `$of_bot` is the condition on the column `bot`, `$people` a table with a row for each person, and
    `$count_people` how many people some rows of `figures` or `choices` are of. After `of_part` the last two know a part of
    the people alone.
    """

    def __init__(self, clickhouse: ClickHouse, bot: Bot | None) -> None:
        self.bot = bot
        self.part = ""  # the set of the people it is about, '' for everybody
        self._count_people = "groupBitmapMerge(people)"
        self._clickhouse = clickhouse
        self._condition = "bot IN (SELECT unhex(arrayJoin({bots:Array(String)})))" if bot else "1"
        self._people = "(SELECT * FROM people FINAL WHERE of_all)"
        if bot:
            name = "people_of_bots" if len(bot.stored) > 1 else "people_of_bot"
            self._people = f"({sql(name, of_bot=self._condition)})"
        stored = bot.stored if bot else ()
        self._parameters = {"bots": [each.encode("utf-8", "surrogateescape").hex() for each in stored]} if bot else {}

    def of_part(self, who: PeopleCondition) -> Self:
        """The same about a part of the people; which people these are is asked at once. Raises ClickHouseUnavailableError."""
        ((part,),) = self.rows("part", who.values, who=who.sql)
        found = copy(self)
        found._parameters = {**self._parameters, "part": part}
        found.part = PART
        found._people = f"(SELECT * FROM {self._people} WHERE bitmapContains({PART}, number))"  # noqa: S608 (fixed text)
        found._count_people = f"bitmapAndCardinality(groupBitmapMergeState(people), {PART})"
        return found

    def rows(self, name: str, parameters: Mapping[str, Any] | None = None, **pieces: str) -> Sequence[Sequence[Any]]:
        """The rows of a query. Raises ClickHouseUnavailableError."""
        statement = sql(name, of_bot=self._condition, people=self._people, count_people=self._count_people, **pieces)
        return self._clickhouse.rows(statement, {**self._parameters, **(parameters or {})})

    def row(self, name: str, parameters: Mapping[str, Any] | None = None, **pieces: str) -> Sequence[Any]:
        """The row of a query that has exactly one."""
        (row,) = self.rows(name, parameters, **pieces)
        return row
