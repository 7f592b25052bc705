"""The list of people: sorted, searched, filtered and paged by position, so a page never shifts when others arrive."""

from datetime import UTC, datetime
from typing import Any

from web.cursor import Cursors
from web.queries import UserSort, UsersQuery
from web.results import UserPage, UserRow
from web.store.client import ClickHouse
from web.store.errors import UnknownPerson
from web.store.figures import whole
from web.store.sql import sql

EVERYBODY, ONE = "a.user_id != ''", "a.user_id = {client_id:String}"
FOLLOWS = {"asc": ">", "desc": "<"}
# exact types only: a position travels as text in a cursor and must come back equal, which a float may not
POSITIONS: dict[UserSort, str] = {
    "last_seen": "last_seen",
    "first_seen": "first_seen",
    "name": "lower(if(name != '', name, username))",
    "messages": "toInt64(messages)",
    "answers": "toInt64(answers)",
    "pictures": "toInt64(pictures)",
    "refreshes": "toInt64(refreshes)",
    "clears": "toInt64(clears)",
    "sessions": "toInt64(sessions)",
    "stars": "toInt64(round(stars * 1000))",
}
SEARCH = """(
    positionCaseInsensitiveUTF8(name, {q:String}) > 0
    OR positionCaseInsensitiveUTF8(username, {username:String}) > 0
    OR positionCaseInsensitiveUTF8(client_id, {q:String}) > 0
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
        parameters: dict[str, Any] = {"limit": query.limit + 1}
        after = "1"
        if query.cursor:
            position, client_id = self._cursors.open(binding, query.cursor, (kind, str))
            after = "(position, client_id) %s ({position:%s}, {after_id:String})" % (  # noqa: UP031 - braces are SQL's
                FOLLOWS[query.order],
                "String" if kind is str else "Int64",
            )
            parameters |= {"position": position, "after_id": client_id}
        conditions = _conditions(query, parameters)
        statement = sql(
            "people",
            position=POSITIONS[query.sort],
            who=EVERYBODY,
            filter=" AND ".join(conditions) or "1",
            after=after,
            order=query.order.upper(),
        )
        rows = self._clickhouse.rows(statement, parameters)
        shown = rows[: query.limit]
        more = len(rows) > len(shown)
        cursor = self._cursors.seal(binding, (shown[-1][-2], shown[-1][0])) if more else None
        return UserPage(tuple(_user(row) for row in shown), cursor, rows[0][-1] if rows else self._total(query))

    def one(self, client_id: str) -> UserRow:
        """One person. Raises UnknownPerson."""
        statement = sql("people", position="last_seen", who=ONE, filter="1", after="1", order="ASC")
        rows = self._clickhouse.rows(statement, {"client_id": client_id, "limit": 1})
        if not rows:
            raise UnknownPerson(client_id)
        return _user(rows[0])

    def _total(self, query: UsersQuery) -> int:
        """How many match, when the page behind a cursor has become empty and so carries no total."""
        if not query.cursor:
            return 0
        parameters: dict[str, Any] = {"limit": 1}
        conditions = _conditions(query, parameters)
        statement = sql(
            "people", position="1", who=EVERYBODY, filter=" AND ".join(conditions) or "1", after="1", order="ASC"
        )
        rows = self._clickhouse.rows(statement, parameters)
        return int(rows[0][-1]) if rows else 0


def _conditions(query: UsersQuery, parameters: dict[str, Any]) -> list[str]:
    conditions = []
    if query.q:
        conditions.append(SEARCH)
        parameters |= {"q": query.q, "username": query.q.removeprefix("@") or "@"}
    if query.paid is not None:
        conditions.append("paid" if query.paid else "NOT paid")
    if query.blocked is not None:
        conditions.append("blocked" if query.blocked else "NOT blocked")
    if query.language is not None:
        conditions.append("language_code = {language:String}")
        parameters["language"] = query.language
    return conditions


def _user(row: Any) -> UserRow:
    (
        client_id, name, username, language_code, is_premium, first_seen, last_seen, messages, answers, pictures,
        refreshes, clears, commands, sessions, stars, _paid, blocked, failures, persona_id, _position, _total,
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
