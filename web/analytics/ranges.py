"""Date ranges in the deployment's zone, the stretch before them, and their buckets, right across clock changes.

Everything is computed as instants here, so ClickHouse never has to know the zone: it gets bucket edges as numbers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from web.analytics.models import Bucket
from web.errors import ParameterError

SLOT = timedelta(minutes=15)  # the rollup's grain: ranges end on it
PRESETS = {"7d": 7, "30d": 30, "90d": 90}
EARLIEST = date(2013, 1, 1)  # Telegram's first year: nothing can have happened before
ALL = "all"
STATISTICS_RANGE = "7d"
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # fromisoformat alone would take weeks and other forms too


@dataclass(frozen=True, slots=True)
class Range:
    """A range asked for: `start` is None for all time. `name` is 7d, 30d, 90d, all or custom."""

    name: str
    start: datetime | None
    end: datetime
    zone: ZoneInfo

    def since(self, first: datetime | None) -> "Window":
        """Make it definite: all time begins on the day of the first event, or today when there is none."""
        begin = self.start or midnight(local_day(first or self.end - SLOT, self.zone), self.zone)
        previous = None if self.start is None else floor_slot(begin - (self.end - begin))
        return Window(begin, max(self.end, begin + SLOT), previous, self.zone)


@dataclass(frozen=True, slots=True)
class Window:
    """A definite range: `start` ≤ t < `end`, and where the equally long stretch before it begins, if it has one."""

    start: datetime
    end: datetime
    previous_start: datetime | None
    zone: ZoneInfo

    @property
    def bucket(self) -> Bucket:
        """The grain that gives a readable chart."""
        days = (self.end - self.start).total_seconds() / 86400
        if days <= 2.1:  # a day of 25 hours, twice
            return "hour"
        return "day" if days <= 120 else "week" if days <= 730 else "month"

    def edges(self) -> list[datetime]:
        """First instants of the buckets, in order; the first is `start` itself even when its week began earlier."""
        if self.bucket == "hour":
            count = int((self.end - self.start - timedelta(microseconds=1)) / timedelta(hours=1)) + 1
            return [self.start + timedelta(hours=number) for number in range(count)]
        edges, day = [self.start], day_after(local_day(self.start, self.zone), self.bucket)
        while (edge := midnight(day, self.zone)) < self.end:
            edges.append(edge)
            day = day_after(day, self.bucket)
        return edges


def read_range(arguments: Mapping[str, str], zone: ZoneInfo, now: datetime, default: str = STATISTICS_RANGE) -> Range:
    """Read `range=7d|30d|90d|all`, or `from=` and `to=` (dates in the zone, both included)."""
    name, first, last = (arguments.get(key) or "" for key in ("range", "from", "to"))
    today, until = local_day(now, zone), floor_slot(now) + SLOT  # the end of the quarter of an hour
    if first or last:
        if name:
            raise ParameterError("range", "cannot be combined with from and to")
        if not first:
            raise ParameterError("from", "is needed together with to")
        begin, finish = day_of("from", first), day_of("to", last) if last else today
        if begin > finish:
            raise ParameterError("from", "must not be later than to" if last else "must not lie in the future")
        if begin > today:
            raise ParameterError("from", "must not lie in the future")
        end = min(midnight(finish + timedelta(days=1), zone), until)
        return Range("custom", midnight(begin, zone), end, zone)
    name = name or default
    if name == ALL:
        return Range(ALL, None, until, zone)
    if name not in PRESETS:
        raise ParameterError("range", f"must be one of {', '.join((*PRESETS, ALL))}")
    return Range(name, midnight(today - timedelta(days=PRESETS[name] - 1), zone), until, zone)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in the zone."""
    return moment.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day, in UTC. Where the clock skips midnight, the instant it jumps to."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    if start.astimezone(zone).date() < day:  # the wall time does not exist and was read with the later offset
        start = datetime.combine(day, time(), zone).replace(fold=1).astimezone(UTC)
    return start


def floor_slot(moment: datetime) -> datetime:
    """The quarter of an hour that an instant lies in."""
    return datetime.fromtimestamp(moment.timestamp() // SLOT.total_seconds() * SLOT.total_seconds(), UTC)


def first_day_of(day: date, bucket: Bucket) -> date:
    """The first day of the week, from Monday, or the month that a day lies in; a day's own is itself."""
    if bucket == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday() if bucket == "week" else 0)


def day_after(day: date, bucket: Bucket) -> date:
    """The day on which the bucket after that of `day` begins; weeks begin on Monday."""
    if bucket == "month":
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 - day.weekday() if bucket == "week" else 1)


def day_of(name: str, text: str) -> date:
    """A parameter that is a date such as 2026-11-22. Raises ParameterError."""
    try:
        day = date.fromisoformat(text) if DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise ParameterError(name, "must be a date such as 2026-11-22")
    if not EARLIEST <= day <= date(2200, 1, 1):
        raise ParameterError(name, f"must lie between {EARLIEST} and 2200-01-01")
    return day
