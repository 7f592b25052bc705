"""Deletes rows of `activity` that stand for nothing: what the recomputation left of rows from before bots were told apart.

They change no figure, but figures would read them for ever. Month by month, so that memory is needed for one month's keys alone,
and by key, so that no earlier state of a row comes back. Safe to repeat, and at any time.
"""

from typing import Final

from clickhouse_connect.driver.asyncclient import AsyncClient

MONTHS: Final = "SELECT DISTINCT toYYYYMM(slot) AS month FROM activity WHERE bot = '' AND events = 0 ORDER BY month"
DELETE: Final = """
DELETE FROM {table:Identifier} WHERE bot = '' AND toYYYYMM(slot) = {month:UInt32} AND (user_id, slot) IN (
    SELECT user_id, slot FROM activity FINAL WHERE bot = '' AND events = 0 AND toYYYYMM(slot) = {month:UInt32})
"""


async def delete_empty_rows(client: AsyncClient) -> None:
    """Delete them. Raises the driver's errors."""
    for (month,) in (await client.query(MONTHS)).result_rows:
        for table in ("activity_by_slot", "activity"):  # this order: what is in the second one says what to delete
            await client.command(DELETE, parameters={"month": month, "table": table})
