"""Recomputes stale rows of `activity` in pieces that stay small whatever waits: below 100 MB and 2 s each.

The size of a piece, in rows of `activity`, follows what pieces cost: one that ClickHouse ends for its memory or its time is
halved and tried again, one that was quick makes the next one larger. A single row that is too much for a piece is recomputed
alone, on one thread, within what the server gives any query and the driver's time: it can't be halved, and must get done.
Every time limit lies below the driver's, so ClickHouse never works on for a client that has given up.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from string import Template
from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.plugin import Context
from sidecar.plugins.clickhouse.keys import SLOTS, START, Key, Piece, Row, Span
from sidecar.plugins.clickhouse.marks import Marks
from sidecar.plugins.clickhouse.refusals import MEMORY, OWN_LIMIT, TOO_MUCH
from sidecar.plugins.clickhouse.second_rollups import SecondRollups, statement
from sidecar.telemetry.metrics import EVENTS_REPEATED, ROLLUP_ROWS, ROLLUP_SKIPPED

PIECE_BYTES: Final = 100_000_000
PIECE_S: Final = 1.5  # ClickHouse looks at the clock between blocks, so a piece ends a little later
# A statement costs something by itself, so below LEAST_ROWS only a limit that was met makes pieces smaller.
FIRST_ROWS, MOST_ROWS, LEAST_ROWS = 2_000, 20_000, 100
QUICK_S, SLOW_S = 0.3, 1.0
COPIES: Final = 1_000  # looked for at once: their keys travel as parameters


# Which rows a statement is about: those that are marked in a piece of a span, or those that it is given by name.
MARKED: Final = {"marked": statement("marked")}
BY_MARKS: Final = MARKED | {
    name: Template(text).substitute(MARKED)
    for name, text in {
        "people": "(SELECT user_id FROM $marked)",
        "months": "(SELECT toYYYYMM(slot) FROM $marked)",
        "rows": "(SELECT user_id, slot FROM $marked)",
        "first_slot": "(SELECT min(slot) FROM $marked)",
        "last_slot": "(SELECT max(slot) FROM $marked)",
    }.items()
}
BY_NAME: Final = {
    "people": "{people:Array(String)}",
    "months": "{months:Array(UInt32)}",
    "rows": "{rows:Array(Tuple(String, UInt32))}",
    "first_slot": "toDateTime({first_slot:UInt32}, 'UTC')",
    "last_slot": "toDateTime({last_slot:UInt32}, 'UTC')",
}
RECOMPUTE, FIND_REPEATED = (statement(name, **BY_MARKS) for name in ("recompute_activity", "find_repeated"))
RECOMPUTE_ROWS, FIND_REPEATED_ROWS = (statement(name, **BY_NAME) for name in ("recompute_activity", "find_repeated"))
EMPTY_ROWS = {"/* opening */": ", counted AS (", "/* closing */": statement("empty_rows", **MARKED)}
NEXT = statement("next_stale")
DELETE_REPEATED: Final = statement("delete_repeated", repeated_rows=statement("repeated_rows")).split(";\n")


def _parameters(rows: Collection[Row]) -> dict[str, Any]:
    """Rows as the parameters of statements that are given them by name."""
    people, slots = {user for user, _ in rows}, {slot for _, slot in rows}
    months = {(at := datetime.fromtimestamp(slot, UTC)).year * 100 + at.month for slot in slots}
    ends = {"first_slot": min(slots), "last_slot": max(slots)}
    return {"people": sorted(people), "months": sorted(months), "rows": sorted(rows)} | ends


class Recomputation:
    """Recomputes spans of marks, piece by piece. Raises the driver's errors."""

    def __init__(self, client: AsyncClient, context: Context, time_limit_s: float) -> None:
        self._client = client
        self._context = context
        self._rows = FIRST_ROWS
        self._bounds = {"max_memory_usage": PIECE_BYTES, "max_execution_time": min(PIECE_S, time_limit_s)}
        self._bounds_alone = {"max_threads": 1, "max_execution_time": time_limit_s}
        self._second = SecondRollups(client, time_limit_s)

    async def marked(self, span: Span, marks: Marks, *, is_round: bool) -> None:
        """Recompute all rows of a span that has these marks."""
        if not marks.rows or not await self._named(marks.rows, is_round):
            await self.whole(span)

    async def whole(self, span: Span) -> int:
        """Recompute all rows of a span; the number of them."""
        key, rows = START, 0
        while piece := await self.next(span, key):
            key, rows = piece.last, rows + piece.rows
        return rows

    async def next(self, span: Span, after: Key) -> Piece | None:
        """Recompute what comes next of a span behind a key, rows of `activity`, then the second rollups; None at the end."""
        if after < SLOTS and (piece := await self._next_rows(span, after)):
            return piece
        last = await self._second.next(span, after)
        return Piece(after, last, 0) if last else None

    async def _named(self, rows: Collection[Row], is_round: bool) -> bool:
        """Recompute rows by their names, with what follows from them; False when they are too much for one piece.

        Marks cost a statement more than the rows themselves, as long as these are few.
        """
        given = _parameters(rows)
        settings = self._bounds | {"max_threads": 1}
        try:
            await self._delete_repeated(FIND_REPEATED_ROWS, given, settings)
            await self._run(RECOMPUTE_ROWS, given, settings)
            await self._second.of(rows, is_round=is_round)
        except ClickHouseError as error:
            if getattr(error, "code", None) not in TOO_MUCH:
                raise
            return False
        self._context.metrics.add(ROLLUP_ROWS, len(rows))
        return True

    async def _next_rows(self, span: Span, after: Key) -> Piece | None:
        is_clean = False  # a smaller piece is a part of the one before
        while True:
            piece = await self._find(span, after)
            if piece is None:
                return None
            began = self._context.clock.monotonic()
            try:
                if not is_clean:
                    await self._delete_repeated(FIND_REPEATED, span._asdict() | piece.parameters, self._bounds)
                    is_clean = True
                await self._recompute(span, piece, self._bounds)
            except ClickHouseError as error:
                if getattr(error, "code", None) not in TOO_MUCH:
                    raise
                if piece.rows > 1:
                    self._rows = max(1, piece.rows // 2)
                    continue
                if not await self._alone(span, piece, is_clean):
                    return piece
            took = self._context.clock.monotonic() - began
            quick = (
                QUICK_S if self._rows >= LEAST_ROWS else SLOW_S
            )  # a busy machine is never quicker, however small they are
            if took < quick and piece.rows == self._rows:
                self._rows = min(MOST_ROWS, self._rows * 2)
            elif took > SLOW_S:
                self._rows = max(min(self._rows, LEAST_ROWS), self._rows // 2)
            self._context.metrics.add(ROLLUP_ROWS, piece.rows)
            return piece

    async def _alone(self, span: Span, piece: Piece, is_clean: bool) -> bool:
        """Recompute one row within the limits that the server has for any query; whether that went well.

        Otherwise it is left out, and said, rather than that all behind it wait for ever. Where not the row but the server is
        short of memory, that will pass: it is tried again later.
        """
        try:
            if not is_clean:  # looking for copies was what took too long
                await self._delete_repeated(FIND_REPEATED, span._asdict() | piece.parameters, self._bounds_alone)
            await self._recompute(span, piece, self._bounds_alone)
        except ClickHouseError as error:
            code = getattr(error, "code", None)
            if code not in TOO_MUCH or (code == MEMORY and not OWN_LIMIT.search(str(error))):
                raise
            self._context.metrics.add(ROLLUP_SKIPPED)
            self._context.logger.error(
                "one person's quarter of an hour at %d has too many events to be counted (code %s); "
                "figures leave out what came to it since",
                piece.last.slot, code,
            )  # fmt: skip
            return False
        return True

    async def _find(self, span: Span, after: Key) -> Piece | None:
        parameters = span._asdict() | Piece(after, after, 0).parameters | {"rows": self._rows}
        ((rows, _, month, user_id, slot, without_bot),) = (
            await self._client.query(NEXT, parameters=parameters)
        ).result_rows
        last = Key(int(month), str(user_id), int(slot))
        return Piece(after, last, int(rows), bool(without_bot)) if rows else None

    async def _delete_repeated(self, find: str, given: dict[str, Any], bounds: dict[str, Any]) -> None:
        """Delete copies of events that have no time of their own, as of a button's press that Telegram delivers twice.

        Storage keeps one row of an id and time (docs/adr/0007-storage.md). Such an event has the time of its arrival, so each
        delivery is another row, maybe in another month. The earliest one stays: whichever came first here, every sidecar
        chooses the same.
        """
        asked = given | {"copies": COPIES}
        while found := (await self._client.query(find, parameters=asked, settings=bounds)).result_rows:
            users, ids, times = (list(column) for column in zip(*found, strict=True))
            parameters = {"users": users, "times": times, "ids": ids}
            for each in DELETE_REPEATED:
                await self._client.raw_query(each, parameters=parameters)
            self._context.metrics.add(EVENTS_REPEATED, len(found))

    async def _recompute(self, span: Span, piece: Piece, bounds: dict[str, Any]) -> None:
        text = RECOMPUTE
        for marker, part in EMPTY_ROWS.items() if piece.without_bot else ():
            text = text.replace(marker, part)
        await self._run(text, span._asdict() | piece.parameters, bounds)

    async def _run(self, text: str, given: dict[str, Any], bounds: dict[str, Any]) -> None:
        settings = bounds | {
            "async_insert": 0,
            "max_partitions_per_insert_block": 0,
            # an event and its double lie in the same month
            "do_not_merge_across_partitions_select_final": 1,
        }
        await self._client.raw_query(text, parameters=given, settings=settings)  # long parameters go into the body
