"""Recomputes what pages read from what was recomputed in `activity`: sums by quarter of an hour and day, a row for each person.

It follows the rows of `activity` of the same marks, in pieces of its own: quarters of an hour in the order of time, then people in
the order of their ids. Their places are keys behind all of those of `activity`, so a pass saves and resumes them like any other.
What is recomputed once more stays as it was. The same statements fill the tables once from all of `activity` (`ALL`).
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.plugins.clickhouse.keys import ALL, END, PEOPLE, SLOTS, Key, Row, Span
from sidecar.plugins.clickhouse.refusals import TOO_MUCH

HERE = Path(__file__).parent
DAY_S: Final = 86_400
SLOTS_ROWS: Final = 480  # five days
PEOPLE_ROWS: Final = 4_000
PIECE_BYTES: Final = 200_000_000
NUMBERED: Final = 100_000  # people who are known to have a number
MARKED: Final = (
    "stale_activity WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC')"
    " AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')"
)
PEOPLE_BETWEEN: Final = (
    "(SELECT user_id FROM $source AND user_id > unhex({first_user:String}) AND user_id <= unhex({last_user:String})"
    " AND user_id != '')"
)


def statement(name: str, **pieces: str) -> str:
    """Read a statement from `<name>.sql`, with what its names after a dollar sign stand for."""
    return Template((HERE / f"{name}.sql").read_text()).substitute(pieces)


def _by_source(name: str, table: str, **pieces: str) -> dict[bool, str]:
    """A statement for all rows of a table (True) and for the marks of a span."""
    sources = {True: f"{table} WHERE true", False: MARKED}
    return {
        whole: statement(
            name, source=source, **{piece: Template(text).substitute(source=source) for piece, text in pieces.items()}
        )
        for whole, source in sources.items()
    }


NUMBERS: Final = statement("numbers")
NUMBER_PEOPLE: Final = statement("number_people")
OF_SLOTS: Final = tuple(statement(name, numbers=NUMBERS) for name in ("recompute_figures", "recompute_choices"))
OF_PEOPLE: Final = statement("recompute_people", people="{people:Array(String)}")
NEXT_SLOTS: Final = _by_source("next_slots", "activity_by_slot")
NEXT_PEOPLE: Final = _by_source("next_people", "person_numbers")
OF_PEOPLE_BETWEEN: Final = _by_source("recompute_people", "person_numbers", people=PEOPLE_BETWEEN)


class SecondRollups:
    """Recomputes pieces of a span, or what follows from some rows. Raises the driver's errors."""

    def __init__(self, client: AsyncClient, time_limit_s: float) -> None:
        self._client = client
        self._rows = {SLOTS: SLOTS_ROWS, PEOPLE: PEOPLE_ROWS}
        self._numbered: set[str] = set()
        self._settings = {
            "async_insert": 0,
            "max_partitions_per_insert_block": 0,
            "do_not_merge_across_partitions_select_final": 1,
            "max_execution_time": time_limit_s,
        }

    async def of(self, rows: Collection[Row], *, is_round: bool) -> None:
        """Recompute what follows from these rows of `activity`, at once.

        A round does not look at the numbers of people who had one lately: whether somebody else has the same is for the
        passes to see.
        """
        settings = self._settings | {"max_memory_usage": PIECE_BYTES, "max_threads": 1}
        people = {user for user, _ in rows}
        unknown = not (is_round and people <= self._numbered)
        await self._recompute_slots(sorted({slot for _, slot in rows}), settings, is_numbering=unknown)
        if unknown:
            self._numbered = people | (self._numbered if len(self._numbered) < NUMBERED else set())
        await self._run(OF_PEOPLE, {"people": sorted(people)}, settings)

    async def next(self, span: Span, after: Key) -> Key | None:
        """Recompute what follows a key; the key of the last of it, None when nothing is left."""
        if after < SLOTS:
            after = SLOTS
        if after < PEOPLE:
            if last := await self._halving(SLOTS, self._next_slots, span, after):
                return last
            after = PEOPLE
        return None if after >= END else await self._halving(PEOPLE, self._next_people, span, after)

    async def _halving(
        self, phase: Key, work: Callable[[Span, Key, dict[str, Any]], Awaitable[Key | None]], span: Span, after: Key
    ) -> Key | None:
        """A piece that ClickHouse ends for its memory or its time is halved; the smallest one gets what the server has."""
        bounds = {"max_memory_usage": PIECE_BYTES}
        while True:
            try:
                return await work(span, after, self._settings | bounds)
            except ClickHouseError as error:
                if getattr(error, "code", None) not in TOO_MUCH or not bounds:
                    raise
                if self._rows[phase] == 1:
                    bounds = {}
                self._rows[phase] = max(1, self._rows[phase] // 2)

    async def _next_slots(self, span: Span, after: Key, settings: dict[str, Any]) -> Key | None:
        rows = self._rows[SLOTS]
        # what has no time stands at 1970: nothing is before it
        asked = span._asdict() | {"first_slot": after.slot + 1 if after > SLOTS else 0, "rows": rows}
        found = [int(slot) for (slot,) in (await self._client.query(NEXT_SLOTS[span == ALL], asked)).result_rows]
        if not found:
            return None
        await self._recompute_slots(found, settings, is_numbering=True)
        return PEOPLE if len(found) < rows else Key(SLOTS.month, "-", found[-1])

    async def _recompute_slots(self, slots: Sequence[int], settings: dict[str, Any], *, is_numbering: bool) -> None:
        days = sorted({slot // DAY_S * DAY_S for slot in slots})
        given = {"slots": slots, "days": days, "first_day": days[0], "end": days[-1] + DAY_S}
        for each in (NUMBER_PEOPLE, *OF_SLOTS) if is_numbering else OF_SLOTS:
            await self._run(each, given, settings)

    async def _next_people(self, span: Span, after: Key, settings: dict[str, Any]) -> Key | None:
        rows, whole = self._rows[PEOPLE], span == ALL
        asked: dict[str, Any] = span._asdict() | {"first_user": after.user}
        ((count, _, last),) = (await self._client.query(NEXT_PEOPLE[whole], asked | {"rows": rows})).result_rows
        if not count:
            return None
        await self._run(OF_PEOPLE_BETWEEN[whole], asked | {"last_user": last}, settings)
        return END if count < rows else Key(PEOPLE.month, str(last), 0)

    async def _run(self, text: str, given: dict[str, Any], settings: dict[str, Any]) -> None:
        # the driver puts long parameters into the body, as those of a query
        await self._client.raw_query(text, parameters=given, settings=settings)
