"""Recomputes stale rows of `activity` in pieces that stay small whatever waits: below 100 MB and 2 s each.

The size of a piece, in rows of `activity`, follows what pieces cost: one that ClickHouse ends for its memory or its time is
halved and tried again, one that was quick makes the next one larger. A single row that is too much for a piece is recomputed
alone, on one thread, within what the server gives any query and the driver's time: it can't be halved, and must get done.
Every time limit lies below the driver's, so ClickHouse never works on for a client that has given up.
"""

from pathlib import Path
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.plugin import Context
from sidecar.plugins.clickhouse.refusals import MEMORY, OWN_LIMIT
from sidecar.telemetry.metrics import ROLLUP_ROWS, ROLLUP_SKIPPED

RECOMPUTE = (Path(__file__).parent / "recompute_activity.sql").read_text()
NEXT = (Path(__file__).parent / "next_stale.sql").read_text()
PIECE_BYTES: Final = 100_000_000
PIECE_S: Final = 1.5  # ClickHouse looks at the clock between blocks, so a piece ends a little later
# A statement costs something by itself, so below LEAST_ROWS only a limit that was met makes pieces smaller.
FIRST_ROWS, MOST_ROWS, LEAST_ROWS = 2_000, 20_000, 100
QUICK_S, SLOW_S = 0.3, 1.0
TOO_MUCH: Final = {159, MEMORY}  # 159 is TIMEOUT_EXCEEDED


class Key(NamedTuple):
    """A place in the order of `stale_activity`: month as YYYYMM, person in hexadecimal, quarter of an hour in Unix seconds."""

    month: int
    user: str
    slot: int


START = Key(0, "", 0)


class Span(NamedTuple):
    """Marks with `after` < marked_at <= `until`, in microseconds since 1970 as ClickHouse's clock counts them."""

    after: int
    until: int


class Piece(NamedTuple):
    """Stale rows behind one key and up to another, `rows` of them."""

    first: Key
    last: Key
    rows: int

    @property
    def parameters(self) -> dict[str, Any]:
        """The piece as query parameters."""
        ends = (("first", self.first), ("last", self.last))
        return {f"{end}_{name}": value for end, key in ends for name, value in key._asdict().items()}


class Recomputation:
    """Recomputes spans of marks, piece by piece. Raises the driver's errors."""

    def __init__(
        self,
        client: AsyncClient,
        context: Context,
        time_limit_s: float,
        *,
        first_rows: int = FIRST_ROWS,
        piece_bytes: int = PIECE_BYTES,
        piece_s: float = PIECE_S,
    ) -> None:
        self._client = client
        self._context = context
        self._rows = first_rows
        self._bounds = {"max_memory_usage": piece_bytes, "max_execution_time": min(piece_s, time_limit_s)}
        self._bounds_alone = {"max_threads": 1, "max_execution_time": time_limit_s}

    async def whole(self, span: Span) -> int:
        """Recompute all rows of a span; the number of them."""
        key, rows = START, 0
        while piece := await self.next(span, key):
            key, rows = piece.last, rows + piece.rows
        return rows

    async def next(self, span: Span, after: Key) -> Piece | None:
        """Recompute the next rows of a span behind a key; None when none is left."""
        while True:
            piece = await self._find(span, after)
            if piece is None:
                return None
            began = self._context.clock.monotonic()
            try:
                await self._recompute(span, piece, self._bounds)
            except ClickHouseError as error:
                if getattr(error, "code", None) not in TOO_MUCH:
                    raise
                if piece.rows > 1:
                    self._rows = max(1, piece.rows // 2)
                    continue
                if not await self._alone(span, piece):
                    return piece
            took = self._context.clock.monotonic() - began
            if took < QUICK_S and piece.rows == self._rows:
                self._rows = min(MOST_ROWS, self._rows * 2)
            elif took > SLOW_S:
                self._rows = max(min(self._rows, LEAST_ROWS), self._rows // 2)
            self._context.metrics.add(ROLLUP_ROWS, piece.rows)
            return piece

    async def _alone(self, span: Span, piece: Piece) -> bool:
        """Recompute one row within the limits that the server has for any query; whether that went well.

        Otherwise it is left out, and said, rather than that all behind it wait for ever. Where not the row but the server is
        short of memory, that will pass: it is tried again later.
        """
        try:
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
        ((rows, _, month, user_id, slot),) = (await self._client.query(NEXT, parameters=parameters)).result_rows
        return Piece(after, Key(int(month), str(user_id), int(slot)), int(rows)) if rows else None

    async def _recompute(self, span: Span, piece: Piece, bounds: dict[str, Any]) -> None:
        settings = bounds | {
            "async_insert": 0,
            "max_partitions_per_insert_block": 0,
            # an event and its double lie in the same month
            "do_not_merge_across_partitions_select_final": 1,
        }
        await self._client.command(RECOMPUTE, parameters=span._asdict() | piece.parameters, settings=settings)
