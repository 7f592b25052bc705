"""What happens now: the newest events of everybody.

What inserts have marked as stale lately says whose they are. So a look at them reads the last hour of those people, however many
events and people there are: `events` is in the order of people.
"""

from datetime import datetime, timedelta

from web.analytics.bots import Bot
from web.analytics.clickhouse.bots import BotQueries, BotReader
from web.analytics.clickhouse.client import ClickHouse
from web.analytics.clickhouse.people import PeopleQueries
from web.analytics.clickhouse.sql import sql
from web.analytics.clickhouse.trail import TrailQueries
from web.analytics.live import Live, LiveEvent, Pulse
from web.analytics.person_key import key_of, text_of
from web.analytics.ranges import SLOT, floor_slot

EVENTS_MAX = 50
MINUTES_PEOPLE_MAX = 1_000  # whose events of the last minutes are counted
HOUR, MINUTES = timedelta(hours=1), timedelta(minutes=5)
AHEAD = timedelta(minutes=1)  # by how much the clock of a bot may be wrong
BETWEEN = "ts >= toDateTime64({start:UInt32}, 9, 'UTC') AND ts < toDateTime64({end:UInt32}, 9, 'UTC')"


class LiveQueries:
    """Queries for what happens now."""

    def __init__(self, clickhouse: ClickHouse, bots: BotQueries, people: PeopleQueries, trails: TrailQueries) -> None:
        self._clickhouse, self._bots, self._people, self._trails = clickhouse, bots, people, trails

    def live(self, now: datetime, bot: Bot | None = None) -> Live:
        """The newest events and what was counted. Raises ClickHouseUnavailableError."""
        reader = BotReader(self._clickhouse, bot)
        events, minutes, hour = self._clickhouse.together(
            lambda: self._events(reader, now), lambda: self._minutes(reader, now), lambda: self._hour(reader, now)
        )
        return Live(events, minutes, hour.at_least(minutes))

    def _events(self, reader: BotReader, now: datetime) -> tuple[LiveEvent, ...]:
        given = {
            **_stretch(now - HOUR, now),
            "people": EVENTS_MAX,
            "limit": EVENTS_MAX,
        }  # so many are of no more people
        rows = reader.rows("live", given, recent=sql("recent_people", of_bot="$of_bot"), between=BETWEEN)
        keys = [key_of(text_of(bytes.fromhex(row[0]))) for row in rows]
        people = self._people.some(keys)
        names = {stored: bot.name for bot in self._bots.all() for stored in bot.stored}
        found = []
        for key, row, event in zip(keys, rows, self._trails.events_of([row[2:] for row in rows]), strict=True):
            person, stored = people.get(key), text_of(bytes.fromhex(row[1]))
            sent = event.attributes  # who is new is counted a moment later
            found.append(
                LiveEvent(
                    text_of(bytes.fromhex(row[0])),
                    person.name if person else sent.get("telegram.user.name", ""),
                    person.username if person else sent.get("telegram.user.username", ""),
                    names.get(stored, stored),
                    event,
                )
            )
        return tuple(found)

    def _minutes(self, reader: BotReader, now: datetime) -> Pulse:
        since = now - MINUTES
        given = {**_stretch(since, now), "people": MINUTES_PEOPLE_MAX}
        return Pulse(since, *reader.row("pulse", given, recent=sql("recent_people", of_bot="$of_bot"), between=BETWEEN))

    def _hour(self, reader: BotReader, now: datetime) -> Pulse:
        since = floor_slot(now - HOUR)
        return Pulse(since, *reader.row("pulse_of_slots", _stretch(since, floor_slot(now) + SLOT)))


def _stretch(start: datetime, now: datetime) -> dict[str, int]:
    """From a time to a moment behind now; what happened then was marked then or later."""
    begin = int(start.timestamp())
    return {"start": begin, "end": int((now + AHEAD).timestamp()), "marked": begin - int(AHEAD.total_seconds())}
