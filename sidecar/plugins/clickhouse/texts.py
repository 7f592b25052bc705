"""Fills `texts`, what people and bots wrote, behind the figures: off the way of inserts, since its index costs more than they do.

Two passes take what inserts have marked (docs/adr/0022-rollup-passes.md): one a few seconds behind, one behind the longest insert.
What was stored before there was such a table is worked off between them, month by month from the newest on. An event's text never
changes, so whatever is stored once more is the same row.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from common.words import sql_words
from sidecar.plugin import Context
from sidecar.plugins.clickhouse.keys import START, Key, Piece, Span
from sidecar.plugins.clickhouse.marks import Marks
from sidecar.plugins.clickhouse.passes import LOAD, SAVE, Pass
from sidecar.plugins.clickhouse.refusals import TOO_MUCH
from sidecar.plugins.clickhouse.second_rollups import MARKED, statement
from sidecar.telemetry.metrics import ROLLUP_SKIPPED

BEHIND: Final = 5_000_000  # microseconds
ROWS: Final = 3_000  # of a piece: more than a month has quarters of an hour, so a person's month is never cut
LONGEST: Final = 16_384  # characters of a text
PIECE_BYTES: Final = 200_000_000
PIECE_S: Final = 1.5
FILLED: Final = "texts fill"  # the pass whose month is that from which on all texts are there, 0 when all are
BEFORE_ALL: Final = 900_000
ID_BYTES: Final = 300  # of an id that travels in an address
KNOWN: Final = (
    "(ts, event_id) NOT IN (SELECT ts, event_id FROM texts"
    " WHERE ts >= toDateTime({first_slot:UInt32}, 'UTC') AND ts < toDateTime({last_slot:UInt32}, 'UTC') + INTERVAL 15 MINUTE"
    " AND toUnixTimestamp(toStartOfFifteenMinutes(ts)) IN {slots:Array(UInt32)})"
)
INSERT: Final = {
    is_first: statement("insert_texts", words=sql_words("whole"), is_new="1" if is_first else KNOWN)
    for is_first in (True, False)
}
NEXT: Final = statement("next_texts", source=MARKED)
NEXT_OF_MONTH: Final = statement("next_texts", source="activity WHERE toYYYYMM(slot) = {month:UInt32}")
MONTH_BEFORE: Final = "SELECT max(toYYYYMM(slot)) FROM activity WHERE toYYYYMM(slot) < {month:UInt32}"
Row = tuple[int, str, int]  # month, person in hexadecimal, quarter of an hour in Unix seconds


class Texts:
    """Stores the texts of pieces of a span, for a Pass. Raises the driver's errors."""

    def __init__(self, client: AsyncClient, context: Context, time_limit_s: float) -> None:
        self._client = client
        self._context = context
        self._bounds = {"max_memory_usage": PIECE_BYTES, "max_execution_time": min(PIECE_S, time_limit_s)}
        self._bounds_alone = {"max_threads": 1, "max_execution_time": time_limit_s}

    async def marked(self, span: Span, marks: Marks, *, is_round: bool) -> None:
        """Store the texts of a whole span."""
        key = START
        while piece := await self.next(span, key):
            key = piece.last

    async def next(self, span: Span, after: Key) -> Piece | None:
        """Store those behind a key; None at the end."""
        return await self.piece(NEXT, span._asdict(), after, is_first=False)

    async def piece(self, text: str, given: dict[str, Any], after: Key, *, is_first: bool) -> Piece | None:
        """Store the texts of the next rows that a statement finds behind a key; None at the end.

        `is_first` says that none of them can be there yet: what is, is not looked for.
        """
        asked = given | {"month": after.month, "user": after.user, "rows": ROWS}
        rows = [
            (int(month), str(user), int(at)) for month, user, at in (await self._client.query(text, asked)).result_rows
        ]
        rows = _whole_people(rows)
        if not rows:
            return None
        await self._insert(rows, is_first)
        month, user, _ = rows[-1]
        return Piece(after, Key(month, _key(user), 0), len(rows))

    async def _insert(self, rows: Sequence[Row], is_first: bool, *, is_alone: bool = False) -> None:
        slots = sorted({slot for _, _, slot in rows})
        given = {
            "people": sorted({user for _, user, _ in rows}), "months": sorted({month for month, _, _ in rows}),
            "rows": [(user, slot) for _, user, slot in rows], "longest": LONGEST,
            "slots": slots, "first_slot": slots[0], "last_slot": slots[-1],
        }  # fmt: skip
        settings = {"async_insert": 0, "max_partitions_per_insert_block": 0}
        try:
            bounds = self._bounds_alone if is_alone else self._bounds
            await self._client.raw_query(INSERT[is_first], parameters=given, settings=settings | bounds)
        except ClickHouseError as error:
            if getattr(error, "code", None) not in TOO_MUCH:
                raise
            if is_alone:
                self._context.metrics.add(ROLLUP_SKIPPED)
                self._context.logger.error(
                    "one person's quarter of an hour at %d has too many texts to be searched (code %s)",
                    slots[0], getattr(error, "code", None),
                )  # fmt: skip
                return
            middle = len(rows) // 2
            for part in (rows[:middle], rows[middle:]) if middle else (rows,):
                await self._insert(part, is_first, is_alone=not middle)


class TextFill:
    """Stores the texts of events that were there before; steps like a Pass."""

    def __init__(self, client: AsyncClient, texts: Texts) -> None:
        self._client = client
        self._texts = texts
        self._key = Key(BEFORE_ALL, "", 0)

    @property
    def busy(self) -> bool:
        """Whether there is more to do at once."""
        return self._key.month > 0

    async def load(self) -> None:
        """Go on from where another process stopped."""
        for _, _, month, user, slot in (await self._client.query(LOAD, parameters={"pass": FILLED})).result_rows:
            self._key = Key(int(month), str(user), int(slot))

    async def step(self, now: int) -> bool:
        """Store the next piece; False when there is none."""
        if not self.busy:
            return False
        piece = None
        if self._key.month != BEFORE_ALL:
            piece = await self._texts.piece(NEXT_OF_MONTH, {}, self._key, is_first=True)
        if piece is None:
            ((month,),) = (await self._client.query(MONTH_BEFORE, {"month": self._key.month})).result_rows
            self._key = Key(int(month), "", 0)
        else:
            self._key = piece.last
        place = {"pass": FILLED, "reached": 0, "until": 0}
        await self._client.command(SAVE, parameters=place | self._key._asdict(), settings={"async_insert": 0})
        return True


def text_passes(
    client: AsyncClient, context: Context, time_limit_s: float, longest: int
) -> tuple[Pass | TextFill, ...]:
    """What keeps `texts`, the most urgent first. `longest` is how long an insert may run, in microseconds."""
    texts = Texts(client, context, time_limit_s)
    return (
        Pass("texts", BEHIND, client, texts),
        Pass("texts longest", longest, client, texts),
        TextFill(client, texts),
    )


def _whole_people(rows: list[Row]) -> list[Row]:
    """Without the last person of a month, whose rows may go on behind a full piece; unless there is nobody else."""
    if len(rows) < ROWS:
        return rows
    people = [list(group) for _, group in groupby(rows, key=lambda row: (row[0], row[1][: 2 * ID_BYTES]))]
    return [row for person in people[:-1] or people for row in person]


def _key(user: str) -> str:
    """A person as the place behind them; of a long id, behind all that begin so."""
    return user if len(user) <= 2 * ID_BYTES else user[: 2 * ID_BYTES] + "FF" * 8
