"""Fills the second rollups once, from an `activity` that is older than they are.

Before the sidecar is ready, so that pages never show figures of which a part is missing. Piece by piece, and how far it has come is
saved in `rollup_progress`: a process that is killed meanwhile is followed by one that goes on. A database without
any figures has nothing to fill.
"""

import logging
from typing import Final

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient

from common.clickhouse import connection_options
from sidecar.plugins.clickhouse.keys import ALL, END, PEOPLE, SLOTS, START, Key
from sidecar.plugins.clickhouse.passes import LOAD, SAVE
from sidecar.plugins.clickhouse.second_rollups import SecondRollups

TIME_LIMIT_S: Final = 240.0  # of a statement, below the driver's
NAME: Final = "fill"  # of the pass
MONTHS: Final = "SELECT DISTINCT toYYYYMM(slot) AS month FROM activity WHERE month > {after:UInt32} ORDER BY month"
VIEW: Final = (
    "SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = 'fill_activity_by_slot'"
)
LEFT: Final = """
SELECT uniqExact(at) FROM (SELECT toStartOfDay(slot) AS at FROM activity_by_slot WHERE slot > toDateTime({slot:UInt32}, 'UTC'))
"""
COPY: Final = {  # small parts: a wide one would take a megabyte for each stream of its columns
    "async_insert": 0, "max_threads": 1, "max_insert_threads": 1, "max_block_size": 8_192, "max_read_buffer_size": 65_536,
    "min_insert_block_size_rows": 16_384, "min_insert_block_size_bytes": 8_000_000, "max_memory_usage": 400_000_000,
}  # fmt: skip


async def fill(client: AsyncClient, time_limit_s: float, log: logging.Logger) -> None:
    """Fill them as far as they are not. Raises the driver's errors."""
    key = await _load(client)
    if key >= END:
        return
    if key < SLOTS:
        key = await _copy(client, key, log)
    rollups = SecondRollups(client, time_limit_s)
    while last := await rollups.next(ALL, key):
        key = last
        await _save(client, key)
        if key < PEOPLE:
            ((days,),) = (await client.query(LEFT, parameters={"slot": key.slot})).result_rows
            log.info("figures are prepared: %d days are left", days)
    await _save(client, END)


async def fill_at(url: str) -> None:
    """The same with a client of its own."""
    async with await clickhouse_connect.get_async_client(**connection_options(url), compress=False) as client:
        await fill(client, TIME_LIMIT_S, logging.getLogger("sidecar"))


async def _copy(client: AsyncClient, key: Key, log: logging.Logger) -> Key:
    """Bring `activity` into the order of time, a month at once: rows that are there twice become one."""
    ((select,),) = (await client.query(VIEW)).result_rows
    for (month,) in (await client.query(MONTHS, parameters={"after": key.month})).result_rows:
        log.info("figures are prepared: month %d", month)
        await client.command(
            f"INSERT INTO activity_by_slot {select} WHERE toYYYYMM(slot) = {{month:UInt32}}",
            parameters={"month": month},
            settings=COPY,
        )
        await _save(client, Key(int(month), "", 0))
    return SLOTS


async def _load(client: AsyncClient) -> Key:
    rows = (await client.query(LOAD, parameters={"pass": NAME})).result_rows
    return next((Key(int(month), str(user), int(slot)) for _, _, month, user, slot in rows), START)


async def _save(client: AsyncClient, key: Key) -> None:
    place = {"pass": NAME, "reached": 0, "until": 0}
    await client.command(SAVE, parameters=place | key._asdict(), settings={"async_insert": 0})
