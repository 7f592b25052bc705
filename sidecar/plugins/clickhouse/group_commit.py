"""Requests that come while an insert runs go into the next one together: a small insert costs nearly as much as a large one.

So does making blocks of a few records: those of small requests are made when their turn comes, of all their bodies at once. A
record is one row whatever insert it came with, so a resend in another grouping changes nothing (docs/adr/0043-group-commit.md).
Every request is acknowledged when its own insert is committed. Where ClickHouse refuses a group for its data, its requests are
inserted one by one, so that none fails for a neighbour.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sidecar.errors import RetryableError
from sidecar.otlp.scan import OddRequestError
from sidecar.plugins.clickhouse.columns.blocks import TableBlock

# One insert at a time makes the largest groups. One that takes longer than this lets the next begin beside it.
SLOW_S, AT_ONCE = 1.0, 4
MOST_RECORDS, MOST_BYTES = 8_000, 16 << 20
# Senders that had their answer from one insert send again at once: the first of them would go alone, and the others after it.
COMPANY_S = 0.01
ODD: Final = -1  # for a code of ClickHouse's: no blocks can be made of the request


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why ClickHouse took nothing. Not an exception: that would keep the bytes of the request as long as it lives."""

    reason: str
    after: float


Outcome: TypeAlias = int | Unavailable | None  # a code: ClickHouse refuses the data


@dataclass(slots=True, eq=False)
class Insert:
    """The blocks of one request, how many records they have, and the token of the request. Without blocks: its body."""

    blocks: Sequence[TableBlock]
    records: int
    token: str
    body: bytes = b""
    outcome: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def size(self) -> int:
        """The bytes of its blocks or its body."""
        return sum(len(block.data) for block in self.blocks) + len(self.body)


class GroupCommit:
    """`insert` stores blocks under a token, and returns the code where ClickHouse refuses their data.

    What it raises, each request of the insert gets. `make` makes blocks of all bodies of a group, or raises OddRequestError.
    """

    def __init__(
        self,
        insert: Callable[[Sequence[TableBlock], str], Awaitable[int | None]],
        make: Callable[[Sequence[Insert]], Awaitable[Sequence[TableBlock]]],
    ) -> None:
        self._insert = insert
        self._make = make
        self._waiting: deque[Insert] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._holding: asyncio.Task[None] | None = None  # the one that the next waits for
        self._pause: asyncio.TimerHandle | None = None  # after a group, until as many requests have come again
        self._expected = 1

    async def commit(self, one: Insert) -> int | None:
        """Insert a request, maybe with others; the code where ClickHouse refuses this very data, or ODD. Raises RetryableError."""
        self._waiting.append(one)
        if self._pause is not None and len(self._waiting) >= self._expected:
            self._end_pause()
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
        group = self._next()
        self._holding = task = asyncio.create_task(self._commit(group), name="insert")
        self._running.add(task)
        timer = asyncio.get_running_loop().call_later(SLOW_S, self._let_next_begin, task)

        def ended(task: asyncio.Task[None]) -> None:
            timer.cancel()
            self._running.discard(task)
            if self._holding is task and len(self._waiting) < len(group) > 1:
                self._expected = len(group)
                self._pause = asyncio.get_running_loop().call_later(COMPANY_S, self._end_pause)
            else:
                self._let_next_begin(task)

        task.add_done_callback(ended)

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self._holding = None
        self._begin()

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
            if len(group) > 1 and await self._commit_as_one(group) is None:
                for one in group:
                    _end(one, None)
                return
            for one in group:
                _end(one, await self._commit_as_one([one]))
        except RetryableError as error:
            for one in group:
                _end(one, Unavailable(error.reason, error.after))
        except BaseException as error:
            for one in group:
                if not one.outcome.done():
                    one.outcome.set_exception(error)
            if not isinstance(error, Exception):
                raise

    async def _commit_as_one(self, group: list[Insert]) -> int | None:
        try:
            blocks = _joined(group) or await self._make(group)
        except OddRequestError:
            return ODD
        return await self._insert(blocks, group[0].token if len(group) == 1 else _token(group))


def _go_together(first: Insert, one: Insert) -> bool:
    return bool(first.blocks) == bool(one.blocks)


def _joined(group: list[Insert]) -> list[TableBlock]:
    """The blocks of all: blocks of a table behind one another are one in ClickHouse's Native format."""
    data: dict[tuple[str, tuple[str, ...]], list[bytes]] = {}
    for block in (block for one in group for block in one.blocks):
        data.setdefault((block.table, tuple(block.columns)), []).append(block.data)
    return [TableBlock(table, list(columns), b"".join(parts)) for (table, columns), parts in sorted(data.items())]


def _token(group: list[Insert]) -> str:
    return hashlib.sha256("".join(one.token for one in group).encode()).hexdigest()


def _end(one: Insert, outcome: Outcome) -> None:
    if not one.outcome.done():
        one.outcome.set_result(outcome)
