"""Positions in a trail: time in nanoseconds since 1970, number in the process, id. Pages begin behind one, in either order."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from web.analytics.queries import Order

Position = tuple[int, int, str]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_ID, LAST_ID = str(UUID(int=0)), str(UUID(int=2**128 - 1))


def position_of(row: Sequence[Any]) -> Position:
    """The position of a row of the query `events`."""
    return row[2], row[3], row[0]


def before_day(day: date, order: Order, zone: ZoneInfo) -> Position:
    """The position before the first event of a day, or in the other order before its last."""
    ascends = order == "asc"
    begin = day if ascends else day + timedelta(days=1)
    at = nanoseconds(datetime(begin.year, begin.month, begin.day, tzinfo=zone))
    return (at - 1, 2**64 - 1, LAST_ID) if ascends else (at, 0, FIRST_ID)


def beside(event_id: str, step: int) -> str:
    """The id before or after another one, to stand just beside its event."""
    return str(UUID(int=min(max(UUID(event_id).int + step, 0), 2**128 - 1)))


def nanoseconds(moment: datetime) -> int:
    """A time as ClickHouse has it, within the bounds of Int64."""
    found = (moment - EPOCH) // timedelta(microseconds=1) * 1000
    return min(max(found, -(2**63)), 2**63 - 1)
