"""A pass over the marks of stale rows that follows at a distance in time, piece by piece, and remembers how far it has come."""

from typing import Final

from clickhouse_connect.driver.asyncclient import AsyncClient

from sidecar.plugins.clickhouse.recompute import START, Key, Recomputation, Span

SHORTEST_SPAN: Final = 10_000_000  # microseconds: many small spans would cost more than they recompute
LOAD: Final = """
SELECT toUnixTimestamp64Micro(reached), toUnixTimestamp64Micro(until), month, hex(user_id), toUnixTimestamp(slot)
FROM rollup_progress FINAL WHERE pass = {pass:String}
"""
SAVE: Final = """
INSERT INTO rollup_progress (pass, reached, until, month, user_id, slot)
SELECT {pass:String}, fromUnixTimestamp64Micro({reached:Int64}, 'UTC'), fromUnixTimestamp64Micro({until:Int64}, 'UTC'),
    {month:UInt32}, unhex({user:String}), toDateTime({slot:UInt32}, 'UTC')
"""
COUNT: Final = """
SELECT count() FROM stale_activity
WHERE marked_at > fromUnixTimestamp64Micro({after:Int64}, 'UTC') AND marked_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
"""


class Pass:
    """Recomputes each mark once, when it is `distance` microseconds old. What it raises are the driver's errors."""

    def __init__(self, name: str, distance: int, client: AsyncClient, recomputation: Recomputation) -> None:
        self.name = name
        self.reached = 0  # all that was marked up to here is recomputed
        self.waiting = 0  # rows left in the span at hand, about
        self._distance = distance
        self._client = client
        self._recomputation = recomputation
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
            self._key = START
            await self._begin(now - self._distance)
        assert self._until is not None
        piece = await self._recomputation.next(Span(self.reached, self._until), self._key)
        if piece is None:
            began = self._key != START
            self.reached, self._until, self.waiting, self._key = self._until, None, 0, START
            if began:
                await self._save()
            return began
        self._key = piece.last
        self.waiting = max(0, self.waiting - piece.rows)
        await self._save()
        return True

    async def _begin(self, until: int) -> None:
        self._until = until
        parameters = Span(self.reached, until)._asdict()
        ((self.waiting,),) = (await self._client.query(COUNT, parameters=parameters)).result_rows

    async def _save(self) -> None:
        """Save progress. Nothing is saved while there is nothing to recompute: then there is nothing to do again, either."""
        place = {"pass": self.name, "reached": self.reached, "until": self._until or self.reached}
        await self._client.command(SAVE, parameters=place | self._key._asdict(), settings={"async_insert": 0})
