"""The second looks at marks: what a round missed, and what a backlog has left (docs/adr/0022)."""

from typing import Final, Protocol

from clickhouse_connect.driver.asyncclient import AsyncClient

from sidecar.plugins.clickhouse.keys import START, Key, Piece, Span
from sidecar.plugins.clickhouse.marks import Marks, newest
from sidecar.plugins.clickhouse.second_rollups import statement

SHORTEST_SPAN: Final = 10_000_000  # microseconds: many small spans would cost more than they recompute
LOAD, SAVE, COUNT = (statement(name) for name in ("load_progress", "save_progress", "count_marks"))


class Work(Protocol):
    """What a pass does with a span of marks, as in recompute.py."""

    async def marked(self, span: Span, marks: Marks, *, is_round: bool) -> None:
        """Do all of a span that has these marks."""

    async def next(self, span: Span, after: Key) -> Piece | None:
        """Do what comes next of a span behind a key; None at the end."""


class Pass:
    """Recomputes each mark once, when it is `distance` microseconds old. What it raises are the driver's errors."""

    def __init__(self, name: str, distance: int, client: AsyncClient, work: Work) -> None:
        self.name = name
        self.reached = 0  # all that was marked up to here is recomputed
        self.waiting = 0  # rows left in the span at hand, about
        self._distance = distance
        self._client = client
        self._work = work
        self._until: int | None = None  # the end of the span at hand, None while there is none
        self._key = START

    @property
    def busy(self) -> bool:
        """Whether there is more to do at once."""
        return self._until is not None

    async def load(self) -> None:
        """Go on from where another process stopped; without one, from the oldest mark there is."""
        rows = (await self._client.query(LOAD, parameters={"pass": self.name})).result_rows
        for reached, until, month, user_id, slot in rows:
            self.reached = int(reached)
            if until > reached:
                self._key = Key(int(month), str(user_id), int(slot))
                await self._begin(int(until))

    async def step(self, now: int) -> bool:
        """Recompute the next piece; False when there was nothing old enough."""
        if self._until is None:
            if now - self._distance - self.reached < max(SHORTEST_SPAN, self._distance // 10):
                return False
            until = now - self._distance
            marks = await newest(self._client, span := Span(self.reached, until))
            if marks.are_all and (marks.rows or not marks.found):  # a few: done at once
                if marks.rows:
                    await self._work.marked(span, marks, is_round=False)
                return await self._end(until, is_saved=bool(marks.rows))
            self._key = START
            await self._begin(until)
        assert self._until is not None
        piece = await self._work.next(Span(self.reached, self._until), self._key)
        if piece is None:
            return await self._end(self._until, is_saved=self._key != START)
        self._key = piece.last
        self.waiting = max(0, self.waiting - piece.rows)
        await self._save()
        return True

    async def _end(self, until: int, *, is_saved: bool) -> bool:
        self.reached, self._until, self.waiting, self._key = until, None, 0, START
        if is_saved:
            await self._save()
        return is_saved

    async def _begin(self, until: int) -> None:
        self._until = until
        parameters = Span(self.reached, until)._asdict()
        ((self.waiting,),) = (await self._client.query(COUNT, parameters=parameters)).result_rows

    async def _save(self) -> None:
        """Save progress. Nothing is saved while there is nothing to recompute: then there is nothing to do again, either."""
        place = {"pass": self.name, "reached": self.reached, "until": self._until or self.reached}
        await self._client.command(SAVE, parameters=place | self._key._asdict(), settings={"async_insert": 0})
