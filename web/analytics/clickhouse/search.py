"""Search over the texts of everybody: all words, each as the beginning of a word, the newest text first (docs/adr/0056)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from common.words import sql_words
from web.analytics.bots import Bot, bound
from web.analytics.clickhouse.bots import BotQueries, BotReader
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.people import PeopleQueries
from web.analytics.clickhouse.sql import sql
from web.analytics.clickhouse.trail_positions import EPOCH
from web.analytics.cursor import Cursors
from web.analytics.filters.condition import people_condition
from web.analytics.person_key import sql_key, text_of
from web.analytics.queries import SearchQuery
from web.analytics.search_models import FoundText, SearchPage, Side
from web.errors import ParameterError

WORDS_MAX = 10
# of the index one asks for all words that begin so; where there are more, so many texts have one of them that reading ends early
KNOWN_MAX = 1_000
AFTER = """ts <= fromUnixTimestamp64Nano({at:Int64}, 'UTC')
AND (ts, event_id) < (fromUnixTimestamp64Nano({at:Int64}, 'UTC'), {event_id:UUID})"""
WITHIN = "ts >= toDateTime64({start:UInt32}, 9, 'UTC') AND ts < toDateTime64({end:UInt32}, 9, 'UTC')"

OF_PEOPLE = "user_id IN (SELECT a.user_id FROM $people AS a WHERE $who)"


class SearchQueries:
    """Queries for texts."""

    def __init__(
        self, clickhouse: ClickHouse, bots: BotQueries, people: PeopleQueries, secret_key: str, zone: ZoneInfo
    ) -> None:
        self._clickhouse, self._bots, self._people, self._zone = clickhouse, bots, people, zone
        self._cursors = Cursors(secret_key, "search")

    def page(self, query: SearchQuery, now: datetime, bot: Bot | None = None) -> SearchPage:
        """One page of the texts with all words of the query. Raises ParameterError for one without words, and for a bad cursor."""
        words = self._words(query.q)
        if not words:
            raise ParameterError("q", "has no letter or digit to look for")
        if len(words) > WORDS_MAX:
            raise ParameterError("q", f"has {len(words)} words; at most {WORDS_MAX} are looked for")
        begin = query.range.start
        binding = (*words, str(query.filter or ""), query.range.name, str(begin), *bound(bot))
        pieces = {"after": "1", "within": "1", "who": "1", "key": sql_key("user_id")}
        given: dict[str, Any] = {"limit": 2 * query.limit + 1}  # a row is there twice at most until parts are merged
        if query.cursor:
            at, event_id = self._cursors.open(binding, query.cursor, (int, str))
            pieces["after"], given = AFTER, given | {"at": at, "event_id": event_id}
        if begin is not None:
            pieces["within"] = WITHIN
            given |= {"start": int(begin.timestamp()), "end": int(query.range.end.timestamp())}
        if query.filter is not None:
            who = people_condition(query.filter, self._zone, now)
            pieces["who"] = OF_PEOPLE.replace("$who", who.sql)
            given |= who.values
        (filled, *known) = self._clickhouse.together(
            self._filled, *(lambda word=word: self._known(word) for word in words)
        )
        rows: Sequence[Sequence[Any]] = ()
        if all(known):
            conditions = []
            for place, (word, begins) in enumerate(zip(words, known, strict=True)):
                condition, value = _condition(place, word, begins)
                conditions.append(condition)
                given[f"word{place}"] = value
            reader = BotReader(self._clickhouse, bot)
            rows = reader.rows("texts", given, **pieces, matches=" AND ".join(conditions))
        shown = rows[: query.limit]
        following = None
        if len(rows) > len(shown) or (rows and rows[0][-1] == given["limit"]):
            following = self._cursors.seal(binding, (shown[-1][0], shown[-1][1]))
        return SearchPage(self._found(shown), words, _complete_from(filled, now), following)

    def _words(self, q: str) -> tuple[str, ...]:
        ((words,),) = self._clickhouse.rows(sql("words_of", words=sql_words("{q:String}")), {"q": q})
        return tuple(word for word in words if word)

    def _known(self, word: str) -> list[str]:
        """The words that begin so, as many as one can ask the index for; one letter or digit is a word of its own alone."""
        if len(word) == 1:
            return [word]
        given = {"beginning": word, "limit": KNOWN_MAX + 1}
        return [str(each) for (each,) in self._clickhouse.rows(sql("words_beginning"), given)]

    def _filled(self) -> int | None:
        rows = self._clickhouse.rows(sql("texts_filled"))
        return int(rows[0][0]) if rows else None

    def _found(self, rows: Sequence[Sequence[Any]]) -> tuple[FoundText, ...]:
        if not rows:
            return ()
        keys = [bytes.fromhex(row[2]) for row in rows]
        people, bots = self._clickhouse.together(lambda: self._people.some(keys), self._bots.all)
        names = {stored: bot.bot for bot in bots for stored in bot.stored}
        found = []
        for (at, event_id, _, bot, kind, side, text, _), key in zip(rows, keys, strict=True):
            person, stored = people.get(key), text_of(bytes.fromhex(bot))
            found.append(
                FoundText(
                    event_id,
                    kind,
                    EPOCH + timedelta(microseconds=at // 1000),
                    cast("Side", side),
                    person.client_id if person else text_of(key),
                    person.name if person else "",
                    person.username if person else "",
                    names.get(stored, stored),
                    text,
                )
            )
        return tuple(found)


def _condition(place: int, word: str, begins: Sequence[str]) -> tuple[str, str | Sequence[str]]:
    """The condition on a text that one of its words begins so, and its parameter."""
    if len(begins) > KNOWN_MAX:
        return f"words LIKE concat('% ', {{word{place}:String}}, '%')", word
    return f"hasAnyTokens(words, {{word{place}:Array(String)}})", begins


def _complete_from(month: int | None, now: datetime) -> datetime | None:
    """The begin of the month behind the one that is worked off; `now` where nothing was yet, None where nothing is left."""
    if month is None:
        return now
    year, number = divmod(month, 100)
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC) if month else None
