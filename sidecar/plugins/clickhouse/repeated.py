"""Deletes copies of events that have no time of their own, such as the press of a button that Telegram delivers twice.

Storage keeps one row of an id and time (docs/adr/0007-storage.md). Such an event has the time of its arrival, so each delivery is
another row, maybe in another month. The earliest one stays: whichever came first here, every sidecar chooses the same.
"""

from pathlib import Path
from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient

from sidecar.plugin import Context
from sidecar.telemetry.metrics import EVENTS_REPEATED

FIND: Final = (Path(__file__).parent / "find_repeated.sql").read_text()
_ROWS = (
    "SELECT unhex(each.1) AS user_id, fromUnixTimestamp64Nano(each.2, 'UTC') AS ts, each.3 AS event_id"
    " FROM (SELECT arrayJoin(arrayZip({users:Array(String)}, {times:Array(Int64)}, {ids:Array(UUID)})) AS each)"
)
_SLOTS = f"SELECT user_id, toStartOfFifteenMinutes(ts) AS slot FROM ({_ROWS})"  # noqa: S608 - of constants, as below
# A quarter of an hour without any event left is recomputed to no row at all.
_DELETES: Final = (
    f"DELETE FROM events WHERE (user_id, ts, event_id) IN ({_ROWS})",  # noqa: S608
    f"DELETE FROM activity WHERE (user_id, slot) IN ({_SLOTS}) AND (user_id, slot) NOT IN"  # noqa: S608
    f" (SELECT user_id, toStartOfFifteenMinutes(ts) FROM events WHERE user_id IN (SELECT user_id FROM ({_ROWS})))",
    f"INSERT INTO stale_activity SELECT user_id, slot, now64(6) FROM ({_SLOTS})",  # noqa: S608
)


async def delete_repeated(
    client: AsyncClient, context: Context, marks: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Delete the copies near stale rows, and mark the rows of `activity` that had counted them. Raises the driver's errors."""
    found = (await client.query(FIND, parameters=marks, settings=settings)).result_rows
    if not found:
        return
    users, ids, times = (list(column) for column in zip(*found, strict=True))
    parameters = {"users": users, "times": times, "ids": ids}
    for statement in _DELETES:
        await client.command(statement, parameters=parameters)
    context.metrics.add(EVENTS_REPEATED, len(found))
