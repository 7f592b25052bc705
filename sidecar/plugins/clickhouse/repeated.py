"""Deletes copies of events that have no time of their own, such as the press of a button that Telegram delivers twice.

Storage keeps one row of an id and time (docs/adr/0007-storage.md). Such an event has the time of its arrival, so each delivery is
another row, maybe in another month. The earliest one stays: whichever came first here, every sidecar chooses the same.
"""

from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient

from sidecar.plugin import Context
from sidecar.plugins.clickhouse.statements import statement
from sidecar.telemetry.metrics import EVENTS_REPEATED

FIND: Final = statement("find_repeated")
COPIES: Final = 1_000  # looked for at once: their keys travel as parameters
_ROWS = (
    "SELECT unhex(each.1) AS user_id, fromUnixTimestamp64Nano(each.2, 'UTC') AS ts, each.3 AS event_id"
    " FROM (SELECT arrayJoin(arrayZip({users:Array(String)}, {times:Array(Int64)}, {ids:Array(UUID)})) AS each)"
)
_SLOTS = f"SELECT user_id, toStartOfFifteenMinutes(ts) AS slot FROM ({_ROWS})"  # noqa: S608 - of constants, as below
# The marks come first: whatever breaks off behind them is made good by the rows' recomputation. A quarter of an hour without any
# event left is recomputed to no row at all.
_DELETES: Final = (
    "INSERT INTO stale_activity (user_id, slot, bot, marked_at)"  # noqa: S608
    " SELECT DISTINCT user_id, toStartOfFifteenMinutes(ts), bot, now64(6)"
    f" FROM events WHERE (user_id, ts, event_id) IN ({_ROWS})",
    f"DELETE FROM events WHERE (user_id, ts, event_id) IN ({_ROWS})",  # noqa: S608
    f"DELETE FROM activity WHERE (user_id, slot) IN ({_SLOTS}) AND (user_id, slot, bot) NOT IN"  # noqa: S608
    f" (SELECT user_id, toStartOfFifteenMinutes(ts), bot FROM events WHERE user_id IN (SELECT user_id FROM ({_ROWS})))",
)


async def delete_repeated(
    client: AsyncClient, context: Context, marks: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Delete the copies near stale rows, and mark the rows of `activity` that had counted them. Raises the driver's errors."""
    while found := (await client.query(FIND, parameters=marks | {"copies": COPIES}, settings=settings)).result_rows:
        users, ids, times = (list(column) for column in zip(*found, strict=True))
        parameters = {"users": users, "times": times, "ids": ids}
        for each in _DELETES:
            await client.command(each, parameters=parameters)
        context.metrics.add(EVENTS_REPEATED, len(found))
