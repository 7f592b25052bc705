"""The list of people: sorted, searched, filtered and paged by position, so a page never shifts when others arrive."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from web.cursor import Cursors
from web.queries import UserSort, UsersQuery
from web.results import UserPage, UserRow
from web.store.client import ClickHouse
from web.store.errors import UnknownPerson
from web.store.figures import whole
from web.store.sql import sql

FOLLOWS = {"asc": ">", "desc": "<"}
NAME = "argMaxIf(a.user_name, a.slot, a.user_name != '')"
USERNAME = "argMaxIf(a.username, a.slot, a.username != '')"
LANGUAGE = "argMaxIf(a.language_code, a.slot, a.language_code != '')"
BLOCKED = "argMaxIf(a.last_block_event, a.slot, a.last_block_event != '') = 'bot_blocked'"
PAID = "sum(a.payments) > 0"
# a broadcast by the bot is no sign of the person
LAST_SEEN = (
    "toUnixTimestamp64Milli(if(toUnixTimestamp64Milli(max(a.last_own_ts)) > 0, max(a.last_own_ts), max(a.last_ts)))"
)
# exact types only: a position travels as text in a cursor and must come back equal, which a float may not
POSITIONS: dict[UserSort, str] = {
    "last_seen": LAST_SEEN,
    "first_seen": "toUnixTimestamp64Milli(min(a.first_ts))",
    "name": f"lower(if({NAME} != '', {NAME}, {USERNAME}))",
    "messages": "toInt64(sum(a.messages))",
    "answers": "toInt64(sum(a.answers))",
    "pictures": "toInt64(sum(a.pictures))",
    "refreshes": "toInt64(sum(a.refreshes))",
    "clears": "toInt64(sum(a.clears))",
    "sessions": "toInt64(uniqExactArray(a.sessions))",
    "stars": "toInt64(round(sumIf(a.stars, isFinite(a.stars)) * 1000))",
}
SEARCH = f"""(
    positionCaseInsensitiveUTF8({NAME}, {{q:String}}) > 0
    OR positionCaseInsensitiveUTF8({USERNAME}, {{username:String}}) > 0
    OR positionCaseInsensitiveUTF8(a.user_id, {{q:String}}) > 0
)"""


class PeopleQueries:
    """Asks for people."""

    def __init__(self, clickhouse: ClickHouse, secret_key: str) -> None:
        self._clickhouse = clickhouse
        self._cursors = Cursors(secret_key, "users")

    def page(self, query: UsersQuery) -> UserPage:
        """One page of people."""
        binding = (query.sort, query.order, query.q, query.paid, query.blocked, query.language)
        kind: type = str if query.sort == "name" else int
        after, place = "1", {}
        if query.cursor:
            position, client_id = self._cursors.open(binding, query.cursor, (kind, str))
            value = f"{{position:{'String' if kind is str else 'Int64'}}}"
            after = f"(position, client_id) {FOLLOWS[query.order]} ({value}, {{after_id:String}})"
            place = {"position": position, "after_id": client_id}
        rows = self._found(query, after, place, query.limit + 1)
        total = rows[0][2] if rows else 0
        if query.cursor and not rows:  # the page behind the cursor has become empty, and with it the place of the total
            total = sum(row[2] for row in self._found(query, "1", {}, 1))
        shown = rows[: query.limit]
        cursor = self._cursors.seal(binding, (shown[-1][1], shown[-1][0])) if len(rows) > len(shown) else None
        return UserPage(self._people([row[0] for row in shown]), cursor, total)

    def one(self, client_id: str) -> UserRow:
        """One person. Raises UnknownPerson."""
        for person in self._people([client_id]):
            return person
        raise UnknownPerson(client_id)

    def _found(self, query: UsersQuery, after: str, place: dict[str, Any], limit: int) -> Sequence[Sequence[Any]]:
        """Id, position and total of all for those who match, in order."""
        conditions, values = _conditions(query)
        statement = sql(
            "page",
            position=POSITIONS[query.sort],
            filter=" AND ".join(conditions) or "1",
            after=after,
            order=query.order.upper(),
        )
        return self._clickhouse.rows(statement, {**values, **place, "limit": limit})

    def _people(self, ids: list[str]) -> tuple[UserRow, ...]:
        """The rows of these people, in this order."""
        if not ids:
            return ()
        found = {row[0]: _user(row) for row in self._clickhouse.rows(sql("people", last_seen=LAST_SEEN), {"ids": ids})}
        return tuple(found[client_id] for client_id in ids if client_id in found)


def _conditions(query: UsersQuery) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if query.q:
        conditions.append(SEARCH)
        values |= {"q": query.q, "username": query.q.removeprefix("@") or "@"}
    if query.paid is not None:
        conditions.append(PAID if query.paid else f"NOT ({PAID})")
    if query.blocked is not None:
        conditions.append(BLOCKED if query.blocked else f"NOT ({BLOCKED})")
    if query.language is not None:
        conditions.append(f"{LANGUAGE} = {{language:String}}")
        values["language"] = query.language
    return conditions, values


def _user(row: Any) -> UserRow:
    (
        client_id, name, username, language_code, is_premium, first_seen, last_seen, messages, answers, pictures,
        refreshes, clears, commands, sessions, stars, blocked, failures, persona_id,
    ) = row  # fmt: skip
    return UserRow(
        client_id=client_id,
        name=name,
        username=username,
        language_code=language_code,
        is_premium=bool(is_premium),
        first_seen=datetime.fromtimestamp(first_seen / 1000, UTC),
        last_seen=datetime.fromtimestamp(last_seen / 1000, UTC),
        messages=messages,
        answers=answers,
        pictures=pictures,
        refreshes=refreshes,
        clears=clears,
        commands=commands,
        sessions=sessions,
        stars=whole(stars),
        blocked=bool(blocked),
        failures=failures,
        persona_id=persona_id,
    )
