"""Counts which numbers of each process's sequence are stored, from the tables `sequences` and `dead_letters`.

However many processes and blocks there are, and whatever their numbers, results have a bounded number of rows.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from web.analytics.clickhouse.client import ClickHouse, from_milliseconds
from web.analytics.clickhouse.sql import sql
from web.analytics.loss_accounting import GAPS_MAX, INSTANCES_MAX, Gap, Instance, LossAccounting, Reasons, gaps
from web.analytics.ranges import Window

DEAD_MAX = 1000
ROWS_MAX = 2 * (GAPS_MAX + 2)  # a gap shows in two rows at most: dead letters on both sides of an edge of blocks
PROCESS = "Tuple(String, String)"
BLOCK = "Tuple(String, String, UInt32)"
PLACE = f"toUInt8(indexOf({{chosen:Array({PROCESS})}}, (hex(service_name), hex(instance_id))))"

Key = tuple[str, str]


def loss_accounting(clickhouse: ClickHouse, window: Window) -> LossAccounting:
    """Loss accounting of the processes that have an event in the range."""
    asked = {"start": _milliseconds(window.start), "end": _milliseconds(window.end)}
    dead_blocks = sql("dead_blocks")
    statement = sql("processes", dead_blocks=dead_blocks, instances=str(INSTANCES_MAX), gaps=str(GAPS_MAX))
    count, emitted, stored, *reasons, newest, incomplete = clickhouse.row(statement, asked)
    return LossAccounting(
        emitted,
        stored,
        emitted - stored,
        Reasons(*reasons),
        count,
        tuple(_instance(row) for row in newest),
        tuple(islice(_gaps(clickhouse, incomplete), GAPS_MAX)) if incomplete else (),
    )


def _instance(row: Sequence[Any]) -> Instance:
    (negative_last, _, _, first, emitted, stored, *reasons, _, _), _, _, service_name, instance_id = row
    return Instance(
        service_name,
        instance_id,
        from_milliseconds(first),
        from_milliseconds(-negative_last),
        emitted,
        stored,
        emitted - stored,
        Reasons(*reasons),
    )


def _gaps(clickhouse: ClickHouse, processes: Sequence[Sequence[Any]]) -> Iterator[Gap]:
    """The gaps of these processes, newest first."""
    keys: list[Key] = [(service, instance) for _, service, instance, *_ in processes]
    chosen = sql("chosen", columns="unhex(each.1), unhex(each.2)", type=PROCESS)
    asked: dict[str, Any] = {"chosen": keys, "rows": ROWS_MAX}
    blocks = clickhouse.rows(sql("incomplete_blocks", chosen=chosen, place=PLACE), asked)
    dead = _dead(clickhouse, asked, chosen) if any(row[0][6] for row in processes) else {}
    holes = _holes(clickhouse, keys, blocks)
    groups = {place: list(group) for place, group in groupby(blocks, lambda row: row[0])}
    for place, process in enumerate(processes, 1):
        instance, (front, last_stored) = _instance(process), process[0][-2:]
        runs = [(last_stored + 1, instance.emitted)] if last_stored < instance.emitted else []
        for _, block, _, lowest, _, before in groups.get(place, ()):
            runs += reversed(holes.get((*keys[place - 1], block), ()))
            if lowest > before + 1:
                runs.append((before + 1, lowest - 1))
        yield from gaps(instance, front, runs, dead.get(place, ()))


def _dead(clickhouse: ClickHouse, asked: dict[str, Any], chosen: str) -> dict[int, list[int]]:
    """Dead letters of the processes, by their places, newest first."""
    statement = sql("dead_numbers", chosen=chosen, place=PLACE, dead_blocks=sql("dead_blocks"))
    found: dict[int, list[int]] = {}
    for place, numbers in clickhouse.rows(statement, asked | {"dead": DEAD_MAX}):
        found.setdefault(place, []).extend(reversed(numbers))
    return found


def _holes(
    clickhouse: ClickHouse, keys: Sequence[Key], blocks: Sequence[Sequence[Any]]
) -> dict[tuple[str, str, int], Sequence[tuple[int, int]]]:
    # A block is up to 65,536 numbers to look through, and one with holes has a gap at least: so many are enough.
    incomplete = [
        (*keys[place - 1], block)
        for place, block, cardinality, lowest, highest, _ in blocks
        if highest - lowest + 1 > cardinality
    ][:GAPS_MAX]
    if not incomplete:
        return {}
    chosen = sql("chosen", columns="unhex(each.1), unhex(each.2), each.3", type=BLOCK)
    rows = clickhouse.rows(sql("holes", chosen=chosen), {"gaps": GAPS_MAX, "chosen": incomplete})
    return {(service, instance, block): holes for service, instance, block, holes in rows}


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
