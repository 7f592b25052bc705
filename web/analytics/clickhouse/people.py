"""The list of people: sorted, searched, filtered and paged by position, so a page never shifts when others arrive."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from web.analytics.bots import Bot, bound
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.clickhouse.cost import costs_of_people
from web.analytics.clickhouse.sql import sql
from web.analytics.clickhouse.sums import revenue_of, whole
from web.analytics.cost import Cost
from web.analytics.cursor import Cursors
from web.analytics.filters.condition import LAST_SEEN_AT, people_condition
from web.analytics.people_condition import PeopleCondition
from web.analytics.person_key import hexed, key_of, sql_is_one_of, sql_key, text_of
from web.analytics.prices import PriceTable
from web.analytics.queries import TEXT_SORTS, UserSort, UsersQuery
from web.analytics.trail_models import TrailEvent, UserPage, UserRow
from web.errors import ProblemError

PIECE = 1_000
COSTS_PIECE = 200  # as many as a page has at most: their ids are in the query
CURRENCIES_MAX = 20  # of one person
FOLLOWS = {"asc": ">", "desc": "<"}
LAST_SEEN = f"toUnixTimestamp64Milli({LAST_SEEN_AT})"
# exact types only: a position travels as text in a cursor and must come back equal, which a float may not; a name's is its
# beginning, so that an address with a cursor keeps its length
POSITIONS: dict[UserSort, str] = {
    "last_seen": LAST_SEEN,
    "first_seen": "toUnixTimestamp64Milli(a.first_ts)",
    "name": "lower(substringUTF8(if(a.user_name != '', a.user_name, a.username), 1, 64))",
    "messages": "toInt64(a.messages)",
    "bot_messages": "toInt64(a.bot_messages)",
    "answers": "toInt64(a.answers)",
    "pictures": "toInt64(a.pictures)",
    "refreshes": "toInt64(a.refreshes)",
    "clears": "toInt64(a.clears)",
    "commands": "toInt64(a.commands)",
    "failures": "toInt64(a.failures)",
    "sessions": "toInt64(a.sessions)",
    "source": "substringUTF8(a.source, 1, 64)",
    "plan": "substringUTF8(toString(a.plan), 1, 64)",
    "model": "substringUTF8(toString(a.model), 1, 64)",
    "stars": "toInt64(least(greatest(round(a.stars * 1000), -9e18), 9e18))",
}
SEARCH = """(
    positionCaseInsensitiveUTF8(a.user_name, {q:String}) > 0
    OR positionCaseInsensitiveUTF8(a.username, {username:String}) > 0
    OR positionCaseInsensitiveUTF8(a.user_id, {q:String}) > 0
)"""


class PeopleQueries:
    """Queries for people."""

    def __init__(
        self,
        clickhouse: ClickHouse,
        secret_key: str,
        zone: ZoneInfo | None = None,
        clock: Callable[[], float] = time.time,
        prices: PriceTable | None = None,
    ) -> None:
        """`zone` is that in which days begin, `clock` gives the time in seconds since 1970."""
        self._clickhouse = clickhouse
        self._zone, self._clock = zone or ZoneInfo("UTC"), clock
        self._cursors, self._prices = Cursors(secret_key, "users"), prices

    def page(self, query: UsersQuery, bot: Bot | None = None) -> UserPage:
        """One page of the people of a bot, or of all."""
        reader = BotReader(self._clickhouse, bot)
        binding = (
            query.sort,
            query.order,
            query.q,
            str(query.filter or ""),
            *bound(bot),
        )
        kind: type = str if query.sort in TEXT_SORTS else int
        after, place = "1", {}
        if query.cursor:
            position, key = self._cursors.open(binding, query.cursor, (kind, str))
            value = "unhex({position:String})" if kind is str else "{position:Int64}"
            after = f"(position, key) {FOLLOWS[query.order]} ({value}, unhex({{after_key:String}}))"
            place = {"position": position, "after_key": key}
        rows = self._found(reader, query, after, place, query.limit + 1)
        total = rows[0][2] if rows else 0
        if query.cursor and not rows:  # the page behind the cursor has become empty, and with it the place of the total
            total = sum(row[2] for row in self._found(reader, query, "1", {}, 1))
        shown = rows[: query.limit]
        cursor = self._cursors.seal(binding, (shown[-1][1], shown[-1][0])) if len(rows) > len(shown) else None
        return UserPage(self._people(reader, [bytes.fromhex(row[0]) for row in shown]), cursor, total)

    def every(self, query: UsersQuery, bot: Bot | None = None) -> Iterator[UserRow]:
        """All people who match, in the order of their ids, read in pieces: each once, whoever comes or changes meanwhile.

        Of the query only what filters counts. Raises ClickHouseUnavailableError at any piece.
        """
        reader = BotReader(self._clickhouse, bot)
        who = self._who(query)
        pieces = {"filter": who.sql, "columns": sql("person_columns", last_seen=LAST_SEEN)}
        after = ""
        while rows := reader.rows("people_after", {**who.values, "after": after, "limit": PIECE}, **pieces):
            people = list(map(_user, rows))
            for begin in range(0, len(people), COSTS_PIECE):
                yield from self._with_costs(reader, people[begin : begin + COSTS_PIECE])
            after = rows[-1][0]

    def one(self, key: bytes, bot: Bot | None = None) -> UserRow | None:
        """One person by their key, or None."""
        return next(iter(self._people(BotReader(self._clickhouse, bot), [key])), None)

    def some(self, keys: Sequence[bytes]) -> dict[bytes, UserRow]:
        """Those of these people who are counted, by their keys."""
        people = self._people(BotReader(self._clickhouse, None), list(dict.fromkeys(keys)))
        return {key_of(person.client_id): person for person in people}

    def bots(self, key: bytes) -> frozenset[str]:
        """The values of the column `bot` of a person's events."""
        who = sql_is_one_of("user_id", [key])
        rows = self._clickhouse.rows(sql("bots_of_person", who=who), {"keys": hexed([key])})
        return frozenset(text_of(bytes.fromhex(stored)) for (stored,) in rows)

    def _found(
        self, reader: BotReader, query: UsersQuery, after: str, place: dict[str, Any], limit: int
    ) -> Sequence[Sequence[Any]]:
        """Key, position and total of all for those who match, in order; key and name in hexadecimal."""
        who = self._who(query)
        return reader.rows(
            "page",
            {**who.values, **place, "limit": limit},
            key=sql_key("a.user_id"),
            position=POSITIONS[query.sort],
            place="hex(position)" if query.sort in TEXT_SORTS else "position",
            filter=who.sql,
            after=after,
            order=query.order.upper(),
        )

    def _who(self, query: UsersQuery) -> PeopleCondition:
        who = people_condition(query.filter, self._zone, datetime.fromtimestamp(self._clock(), UTC))
        if not query.q:
            return who
        search = {"q": query.q, "username": query.q.removeprefix("@") or "@"}
        return PeopleCondition(f"{who.sql} AND {SEARCH}", {**who.values, **search})

    def _people(self, reader: BotReader, keys: list[bytes]) -> tuple[UserRow, ...]:
        """The rows of these people, in this order."""
        if not keys:
            return ()
        who = sql_is_one_of("user_id", keys)
        rows = reader.rows(
            "details", {"keys": hexed(keys)}, columns=sql("person_columns", last_seen=LAST_SEEN), who=who
        )
        people = self._with_costs(reader, [_user(row) for row in rows])
        found = {key_of(person.client_id): person for person in people}
        return tuple(found[key] for key in keys if key in found)

    def _with_costs(self, reader: BotReader, people: list[UserRow]) -> list[UserRow]:
        """The same people with what they cost, where there are prices."""
        if self._prices is None or not people:
            return people
        keys = [key_of(person.client_id) for person in people]
        costs = costs_of_people(reader, keys, self._zone, self._prices)
        return [
            _with_cost(person, *costs[key]) if key in costs else person
            for key, person in zip(keys, people, strict=True)
        ]


def _with_cost(person: UserRow, cost: Cost, is_priced: bool) -> UserRow:
    spent = cost.total.value if cost.total else None
    return replace(person, cost=spent, margin=cost.margin.value if cost.margin else None, is_priced=is_priced)


def _user(row: Sequence[Any]) -> UserRow:
    client_id, *names, is_premium, first_seen, last_seen = row[:7]
    *counts, stars, blocked = row[7:17]
    seen = from_milliseconds(first_seen), from_milliseconds(last_seen)
    minor, units, *texts = row[20:]
    money = sorted({*minor, *units})[:CURRENCIES_MAX]
    revenue = revenue_of((each, minor.get(each, 0), units.get(each, 0)) for each in money)
    who = [text_of(bytes.fromhex(client_id)), *names, bool(is_premium)]
    return UserRow(*[*who, *seen, *counts, whole(stars), bool(blocked), *row[17:20], revenue, *texts])


def uncounted(key: bytes, events: Sequence[TrailEvent], bot: Bot | None) -> UserRow:
    """A person who is in no figure (yet), from their events. Raises ProblemError when there are none."""
    if not events and bot is not None:
        raise ProblemError(404, f"No event of this person with the bot {bot.name} is stored.", kind="unknown-to-bot")
    if not events:
        raise ProblemError(404, "No event of this person is stored.", kind="unknown-person")
    times = [event.at for event in events]
    return UserRow(
        text_of(key),
        "",
        "",
        "",
        False,
        min(times),
        max(times),
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        False,
        0,
        "",
        0,
        (),
        "",
        "",
        "",
    )
