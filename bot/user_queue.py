"""One update at a time for each person: their updates wait for one another, up to a limit.

Without this a person who writes three messages at once would have three answers made from the same state. An asyncio.Lock
keeps the order of arrival. Payments are never refused: Telegram gives them ten seconds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from common.waiting import set_within


class QueueFullError(Exception):
    """The person has too many updates waiting. `first` is true for the first update that is refused."""

    def __init__(self, *, first: bool) -> None:
        super().__init__("too many updates of one person are waiting")
        self.first = first


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    members: int = 0
    has_refused: bool = False


class UserQueues:
    """Queues by person; a queue exists only while it has members."""

    def __init__(self, limit: int = 4) -> None:
        self._limit = limit
        self._queues: dict[int, _Queue] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def of(self, person: int, *, bounded: bool = True) -> AsyncIterator[None]:
        """Wait until the person's earlier updates are handled. Raises QueueFullError when `bounded` and the queue is full."""
        queue = self._queues.setdefault(person, _Queue())
        if bounded and queue.members >= self._limit:
            first, queue.has_refused = not queue.has_refused, True
            raise QueueFullError(first=first)
        queue.members += 1
        self._idle.clear()
        try:
            async with queue.lock:
                yield
        finally:
            queue.members -= 1
            if queue.members == 0:
                del self._queues[person]
            if not self._queues:
                self._idle.set()

    async def drain(self, seconds: float) -> bool:
        """Wait until no update is being handled. False when that takes longer."""
        return await set_within(self._idle, seconds)
