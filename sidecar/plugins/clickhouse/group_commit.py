"""Requests that come while an insert runs go into the next one together: a small insert costs nearly as much as a large one.

Only blocks of events are put together: an event is one row whatever the insert it came with, so a resend in another grouping
changes nothing (docs/adr/0043-group-commit.md). Every request is acknowledged when its own insert is committed. Where ClickHouse
refuses a group for its data, its requests are inserted one by one, so that none fails for a neighbour.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sidecar.errors import RetryableError
from sidecar.plugins.clickhouse.columns.blocks import TableBlock

# One insert at a time makes the largest groups. One that takes longer than this lets the next begin beside it.
SLOW_S, AT_ONCE = 1.0, 4
MOST_RECORDS, MOST_BYTES = 8_000, 16 << 20


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why ClickHouse took nothing. Not an exception: that would keep the bytes of the request as long as it lives."""

    reason: str
    after: float


Outcome: TypeAlias = int | Unavailable | None  # a code: ClickHouse refuses the data


@dataclass(slots=True, eq=False)
class Insert:
    """The blocks of one request, how many records they have, and the token of the request."""

    blocks: Sequence[TableBlock]
    records: int
    token: str
    outcome: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def size(self) -> int:
        """The bytes of its blocks."""
        return sum(len(block.data) for block in self.blocks)


class GroupCommit:
    """`insert` stores blocks under a token, and returns the code where ClickHouse refuses their data.

    What it raises, each request of the insert gets.
    """

    def __init__(self, insert: Callable[[Sequence[TableBlock], str], Awaitable[int | None]]) -> None:
        self._insert = insert
        self._waiting: deque[Insert] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._holding: asyncio.Task[None] | None = None  # the one that the next waits for

    async def commit(self, one: Insert) -> int | None:
        """Insert a request, maybe with others; the code where ClickHouse refuses this very data. Raises RetryableError."""
        self._waiting.append(one)
        self._begin()
        try:
            outcome = await one.outcome
        finally:
            if one in self._waiting:  # cancelled before it was inserted
                self._waiting.remove(one)
        if isinstance(outcome, Unavailable):
            raise RetryableError(outcome.reason, after=outcome.after)
        return outcome

    def _begin(self) -> None:
        if not self._waiting or self._holding is not None or len(self._running) == AT_ONCE:
            return
        self._holding = task = asyncio.create_task(self._commit(self._next()), name="insert")
        self._running.add(task)
        timer = asyncio.get_running_loop().call_later(SLOW_S, self._let_next_begin, task)

        def ended(task: asyncio.Task[None]) -> None:
            timer.cancel()
            self._running.discard(task)
            self._let_next_begin(task)

        task.add_done_callback(ended)

    def _let_next_begin(self, task: asyncio.Task[None]) -> None:
        if self._holding is task:
            self._holding = None
        self._begin()

    def _next(self) -> list[Insert]:
        first = self._waiting.popleft()
        group, records, size = [first], first.records, first.size
        while self._waiting and _go_together(first, one := self._waiting[0]):
            records, size = records + one.records, size + one.size
            if records > MOST_RECORDS or size > MOST_BYTES:
                break
            group.append(self._waiting.popleft())
        return group

    async def _commit(self, group: list[Insert]) -> None:
        try:
            if len(group) > 1 and await self._insert([_joined(group)], _token(group)) is None:
                for one in group:
                    _end(one, None)
                return
            for one in group:
                _end(one, await self._insert(one.blocks, one.token))
        except RetryableError as error:
            for one in group:
                _end(one, Unavailable(error.reason, error.after))
        except BaseException as error:
            for one in group:
                if not one.outcome.done():
                    one.outcome.set_exception(error)
            if not isinstance(error, Exception):
                raise


def _go_together(first: Insert, one: Insert) -> bool:
    return all(
        len(each.blocks) == 1 and (each.blocks[0].table, each.blocks[0].columns) == ("events", first.blocks[0].columns)
        for each in (first, one)
    )


def _joined(group: list[Insert]) -> TableBlock:
    """One insert of all their blocks: Native is made of blocks, which ClickHouse puts into one."""
    first = group[0].blocks[0]
    return TableBlock(first.table, first.columns, b"".join(one.blocks[0].data for one in group))


def _token(group: list[Insert]) -> str:
    return hashlib.sha256("".join(one.token for one in group).encode()).hexdigest()


def _end(one: Insert, outcome: Outcome) -> None:
    if not one.outcome.done():
        one.outcome.set_result(outcome)
