"""Recomputes what pages read from what was recomputed in `activity`: sums by quarter of an hour and day, a row for each person.

It follows the rows of `activity` of the same marks, in pieces of its own: quarters of an hour in the order of time, then people in
the order of their ids. Their places are keys behind all of those of `activity`, so a pass saves and resumes them like any other.
What is recomputed once more stays as it was. The same statements fill the tables once from all of `activity` (`ALL`).
"""

from pathlib import Path
from string import Template
from typing import Any, Final

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from sidecar.plugins.clickhouse.keys import ALL, END, PEOPLE, SLOTS, Key, Span
from sidecar.plugins.clickhouse.refusals import TOO_MUCH

HERE = Path(__file__).parent
SLOTS_ROWS: Final = 480  # of a bot: five days
PEOPLE_ROWS: Final = 4_000
PIECE_BYTES: Final = 200_000_000
SUMS: Final = (
    "events", "messages", "bot_messages", "answers", "answer_failures", "pictures", "picture_failures", "refreshes", "commands",
    "starts", "persona_choices", "story_choices", "clears", "continues", "other_actions", "own_edits", "bot_edits", "deletions",
    "reactions", "votes", "offers", "invoices", "payments", "first_payments", "renewals", "refunds", "refusals", "cancellations",
    "blocks", "unblocks", "failures", "durations_left_out", "timed_answers",
)  # fmt: skip
COLUMNS: Final = (
    "first_ts", "last_ts", *SUMS, "amounts_left_out", "tokens_left_out", "stars", "input_tokens", "output_tokens", "revenue",
    "revenue_units", "people", "step_start", "step_persona", "step_story", "step_answer", "step_paid", "answer_times",
)  # fmt: skip
PIECES: Final = ("touched", "numbers", "own_action", "unsound_money")
MARKED: Final = (
    "stale_activity WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC')"
    " AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')"
)


def statements(name: str, table: str) -> dict[bool, list[str]]:
    """The statements of `<name>.sql`, for all rows of a table (True) and for the marks of a span."""
    pieces = {piece: (HERE / f"{piece}.sql").read_text() for piece in PIECES}
    of = "f" if name == "recompute_days" else "a"
    pieces |= {"columns": ", ".join(COLUMNS), "sums": ", ".join(f"sum({of}.{column}) AS {column}" for column in SUMS)}

    def filled(source: str) -> list[str]:
        own = pieces | {"source": source, "touched": Template(pieces["touched"]).substitute(source=source)}
        return [Template(part).substitute(own) for part in (HERE / f"{name}.sql").read_text().split(";\n")]

    return {True: filled(f"{table} WHERE true"), False: filled(MARKED)}


def _of_slots(*names: str) -> dict[bool, list[str]]:
    each = [statements(name, "activity_by_slot") for name in names]
    return {whole: [text for found in each for text in found[whole]] for whole in (True, False)}


NEXT_SLOTS = _of_slots("next_slots")
RECOMPUTE_SLOTS = _of_slots("number_people", "recompute_figures", "recompute_days", "recompute_choices")
NEXT_PEOPLE, RECOMPUTE_PEOPLE = (statements(name, "person_numbers") for name in ("next_people", "recompute_people"))


class SecondRollups:
    """Recomputes pieces of a span. Raises the driver's errors."""

    def __init__(self, client: AsyncClient, time_limit_s: float) -> None:
        self._client = client
        self._rows = {SLOTS: SLOTS_ROWS, PEOPLE: PEOPLE_ROWS}
        self._settings = {
            "async_insert": 0,
            "max_partitions_per_insert_block": 0,
            "do_not_merge_across_partitions_select_final": 1,
            "max_execution_time": time_limit_s,
        }

    async def next(self, span: Span, after: Key) -> Key | None:
        """Recompute what follows a key; the key of the last of it, None when nothing is left."""
        if after < SLOTS:
            after = SLOTS
        if after < PEOPLE:
            if last := await self._halving(SLOTS, self._next_slots, span, after):
                return last
            after = PEOPLE
        return None if after >= END else await self._halving(PEOPLE, self._next_people, span, after)

    async def _halving(self, phase: Key, work: Any, span: Span, after: Key) -> Key | None:
        """A piece that ClickHouse ends for its memory or its time is halved; the smallest one gets what the server has."""
        bounds = {"max_memory_usage": PIECE_BYTES}
        while True:
            try:
                last: Key | None = await work(span, after, self._settings | bounds)
            except ClickHouseError as error:
                if getattr(error, "code", None) not in TOO_MUCH or not bounds:
                    raise
                if self._rows[phase] == 1:
                    bounds = {}
                self._rows[phase] = max(1, self._rows[phase] // 2)
                continue
            return last

    async def _next_slots(self, span: Span, after: Key, settings: dict[str, Any]) -> Key | None:
        rows, whole = self._rows[SLOTS], span == ALL
        # what has no time stands at 1970: nothing is before it
        asked = span._asdict() | {"first_slot": after.slot + 1 if after > SLOTS else 0}
        ((count, last),) = await self._ask(NEXT_SLOTS[whole], asked | {"rows": rows})
        if not count:
            return None
        for each in RECOMPUTE_SLOTS[whole]:
            await self._client.command(each, parameters=asked | {"last_slot": last}, settings=settings)
        return PEOPLE if count < rows else Key(SLOTS.month, "-", int(last))

    async def _next_people(self, span: Span, after: Key, settings: dict[str, Any]) -> Key | None:
        rows, whole = self._rows[PEOPLE], span == ALL
        asked: dict[str, Any] = span._asdict() | {"first_user": after.user}
        ((count, _, last),) = await self._ask(NEXT_PEOPLE[whole], asked | {"rows": rows})
        if not count:
            return None
        for each in RECOMPUTE_PEOPLE[whole]:
            await self._client.command(each, parameters=asked | {"last_user": last}, settings=settings)
        return END if count < rows else Key(PEOPLE.month, str(last), 0)

    async def _ask(self, texts: list[str], asked: dict[str, Any]) -> Any:
        (text,) = texts
        return (await self._client.query(text, parameters=asked)).result_rows
