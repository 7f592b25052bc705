"""One thing at a time for each person: their updates wait for one another, up to a bound.

Without this a person who writes three messages at once would have three answers made from the same memory. Waiting keeps
the order of an asyncio.Lock, which is the order of arrival. Payments never come here: Telegram gives them ten seconds.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


class TooManyError(Exception):
    """The person has too many updates waiting already. `first` says whether they have not been told yet."""

    def __init__(self, *, first: bool) -> None:
        super().__init__("too many updates of one person are waiting")
        self.first = first


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    members: int = 0
    told: bool = False


class Turns:
    """Queues by person; a queue exists only while somebody is in it."""

    def __init__(self, limit: int = 4) -> None:
        self._limit = limit
        self._queues: dict[int, _Queue] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def of(self, person: int, *, bounded: bool = True) -> AsyncIterator[None]:
        """Hold the person's turn. Raises TooManyError when `bounded` and the queue is full."""
        queue = self._queues.setdefault(person, _Queue())
        if bounded and queue.members >= self._limit:
            first, queue.told = not queue.told, True
            raise TooManyError(first=first)
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
        """Wait until nobody is being answered. False when that takes longer."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            return False
        return True
