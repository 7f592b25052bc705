"""Asks what of each process's sequence is stored, from the table `sequences`; `web.delivery` balances the books."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from web.delivery import GAPS_MAX, Block, Delivery, Process, Reasons, account
from web.ranges import Window
from web.store.client import ClickHouse
from web.store.sql import sql
from web.store.times import moment

DEAD_MAX = 1000


def delivery(clickhouse: ClickHouse, window: Window) -> Delivery:
    """Loss accounting of the processes that have an event in the range. Raises StoreUnavailable."""
    return account(_processes(clickhouse, window))


def _processes(clickhouse: ClickHouse, window: Window) -> Iterator[Process]:
    asked = {"dead": DEAD_MAX, "start": _milliseconds(window.start), "end": _milliseconds(window.end)}
    found = clickhouse.rows(sql("sequences"), asked)
    # A block is up to 65,536 numbers to look through, and one with holes has a gap at least: so many are enough.
    incomplete = [row[:3] for row in found if row[10] and row[12] - row[11] + 1 > row[10]][:GAPS_MAX]
    holes = _holes(clickhouse, [(service, instance, block) for service, instance, block in incomplete])
    for (service, instance), group in groupby(found, lambda row: (row[0], row[1])):
        rows = list(group)
        first, last, queue_full, refused, failed, reached, cut_off = rows[0][3:10]
        yield Process(
            service,
            instance,
            moment(first),
            moment(last),
            [
                Block(stored, lowest, highest, holes.get((service, instance, block), ()), dead, numbers)
                for block, stored, lowest, highest, dead, numbers in ((row[2], *row[10:]) for row in reversed(rows))
            ],
            Reasons(queue_full=queue_full, refused=refused, failed=failed),
            reached,
            bool(cut_off),
        )


def _holes(
    clickhouse: ClickHouse, blocks: list[tuple[str, str, int]]
) -> dict[tuple[str, str, int], list[tuple[int, int]]]:
    if not blocks:
        return {}
    rows = clickhouse.rows(sql("holes"), {"gaps": GAPS_MAX, "blocks": blocks})
    return {(service, instance, block): list(holes) for service, instance, block, holes in rows}


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
