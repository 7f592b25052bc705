"""Inserts rows by the driver, and lets go of them."""

from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.asyncclient import AsyncClient


async def insert_rows(
    client: AsyncClient, table: str, rows: Sequence[Sequence[Any]], columns: Sequence[str], settings: dict[str, Any]
) -> None:
    """Insert rows. Raises the driver's errors.

    The driver's context of an insert refers to itself by a bound method (seen with 1.12), so rows would stay in memory until
    Python's collector comes by, which counts objects and not bytes: tens of megabytes for long after a large dead letter.
    """
    context = await client.create_insert_context(table, column_names=columns, settings=settings, data=rows)
    try:
        await client.data_insert(context)
    finally:
        vars(context).clear()
