"""Times as the tables hold them."""

from datetime import UTC, datetime

FIRST = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp()) * 1000
LAST = int(datetime(2299, 12, 31, tzinfo=UTC).timestamp()) * 1000


def moment(milliseconds: int) -> datetime:
    """A time in milliseconds since 1970, within what ClickHouse says DateTime64 can hold: a column may hold more."""
    return datetime.fromtimestamp(min(max(milliseconds, FIRST), LAST) / 1000, UTC)
