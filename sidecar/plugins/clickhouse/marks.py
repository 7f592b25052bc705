"""What inserts have marked as stale lately, asked of ClickHouse in one cheap statement."""

from typing import Final, NamedTuple

from clickhouse_connect.driver.asyncclient import AsyncClient

from sidecar.plugins.clickhouse.keys import Row, Span
from sidecar.plugins.clickhouse.second_rollups import statement

MARKS: Final = statement("marks")
MOST: Final = 10_000  # marks that are looked at
NAMED: Final = 2_000  # rows whose names are told: they travel as parameters of statements
FOREVER: Final = 4_000_000_000_000_000  # microseconds since 1970


class Marks(NamedTuple):
    """The newest marks of a span.

    `now` is ClickHouse's time, `oldest` the time of the oldest of the `found` marks, in microseconds. `rows` are the rows that
    they are of, none where these are too many, or one has a name that is no plain text.
    """

    now: int
    found: int
    oldest: int
    rows: frozenset[Row]

    @property
    def are_all(self) -> bool:
        """Whether the span has no others."""
        return self.found < MOST


async def newest(client: AsyncClient, span: Span) -> Marks:
    """The newest marks of a span. Raises the driver's errors."""
    asked = span._asdict() | {"rows": MOST, "keys": NAMED + 1}
    ((now, count, oldest, odd, rows),) = (await client.query(MARKS, parameters=asked)).result_rows
    named = frozenset((str(user), int(slot)) for user, slot in rows)
    return Marks(int(now), int(count), int(oldest), frozenset() if odd or len(named) > NAMED else named)
