"""Asks what of each process's sequence is stored, from the table `sequences`; `web.delivery` balances the books."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby

from web.delivery import GAPS_MAX, Block, Delivery, Process, Reasons, account
from web.ranges import Window
from web.store.client import ClickHouse
from web.store.sql import sql


def delivery(clickhouse: ClickHouse, window: Window) -> Delivery:
    """Loss accounting of the processes that have an event in the range. Raises StoreUnavailable."""
    return account(_processes(clickhouse, window))


def _processes(clickhouse: ClickHouse, window: Window) -> Iterator[Process]:
    asked = {"gaps": GAPS_MAX, "start": _milliseconds(window.start), "end": _milliseconds(window.end)}
    found = clickhouse.rows(sql("sequences"), asked)
    for (service, instance), group in groupby(found, lambda row: (row[0], row[1])):
        rows = list(group)
        first, last, queue_full, refused, failed = (rows[0][column] for column in (2, 3, 9, 10, 11))
        yield Process(
            service,
            instance,
            _time(first),
            _time(last),
            [Block(*row[4:9]) for row in rows],
            Reasons(queue_full=queue_full, refused=refused, failed=failed),
        )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
