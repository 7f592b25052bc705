"""What became of people by the source they came from: one statement over `people`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from web.analytics.bots import Bot
from web.analytics.clickhouse.bots import BotReader
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.retention import since_the_first
from web.analytics.clickhouse.sums import CURRENCIES_MAX, revenue_of
from web.analytics.filters.fields import NUMBERS
from web.analytics.models import Span
from web.analytics.people_condition import EVERYBODY, PeopleCondition
from web.analytics.ranges import Range, local_day, midnight
from web.analytics.sources import SOURCES_MAX, STAYED_DAYS, NamedSource, Source, Sources

NOBODY = Source(0, 0, 0, 0, 0, ())


class SourceQueries:
    """Queries for sources. Payloads that begin with one of `beginnings` are one source."""

    def __init__(self, clickhouse: ClickHouse, beginnings: Sequence[str]) -> None:
        self._clickhouse = clickhouse
        self._beginnings = tuple(beginnings)

    def table(
        self,
        asked: Range,
        now: datetime,
        bot: Bot | None = None,
        who: PeopleCondition = EVERYBODY,
        *,
        each_payload: bool = False,
    ) -> Sources:
        """The sources of who came first in a range, `each_payload` by itself if asked so. Raises ClickHouseUnavailableError."""
        reader = BotReader(self._clickhouse, bot)
        window = since_the_first(reader, asked, who)
        until = midnight(local_day(now, window.zone) - timedelta(days=STAYED_DAYS), window.zone)
        rows = reader.rows(
            "sources",
            {
                **who.values,
                "beginnings": [] if each_payload else list(self._beginnings),
                "start": int(window.start.timestamp()),
                "end": int(window.end.timestamp()),
                "old_enough_until": int(until.timestamp()),
                "days": STAYED_DAYS,
                "limit": SOURCES_MAX + 2,  # with the row of all
            },
            who=who.sql,
            stayed=NUMBERS["stayed"],
        )
        total = next((_source(row) for is_of_source, _, *row in rows if not is_of_source), NOBODY)
        named = [NamedSource(name, _source(row)) for is_of_source, name, *row in rows if is_of_source]
        return Sources(
            bot=bot.bot if bot else None,
            range=Span(window.start, window.end, window.zone.key, window.bucket),
            generated_at=now,
            old_enough_until=until,
            cut=len(named) > SOURCES_MAX,
            total=total,
            sources=tuple(named[:SOURCES_MAX]),
        )


def _source(row: Sequence[Any]) -> Source:
    people, wrote, old_enough, stayed, paid, minor, units = row
    money = sorted({*minor, *units})[:CURRENCIES_MAX]
    revenue = revenue_of((each, minor.get(each, 0), units.get(each, 0)) for each in money)
    return Source(int(people), int(wrote), int(old_enough), int(stayed), int(paid), revenue)
