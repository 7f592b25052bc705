"""A bounded queue and the task that works it off, one item after another."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from common.waiting import set_within

Item = TypeVar("Item")


class BoundedQueue(Generic[Item]):
    """Items wait for `work`, which must not raise, and hold their place until it is done with them."""

    def __init__(
        self,
        name: str,
        work: Callable[[Item], Awaitable[None]],
        *,
        capacity: int,
        size: Callable[[Item], int] = lambda _: 1,
    ) -> None:
        self._name = name
        self._work = work
        self._capacity = capacity
        self._size = size
        self._waiting: deque[Item] = deque()
        self._filled = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work off what was put in."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._run(), name=self._name)

    def put(self, item: Item) -> bool:
        """Queue an item, without waiting; False when there is no room for it."""
        size = self._size(item)
        if self._filled + size > self._capacity:
            return False
        self._filled += size
        self._waiting.append(item)
        self._idle.clear()
        self._wake.set()
        return True

    async def stop(self, time_limit_s: float) -> int:
        """Give what is queued this long, end, and return how many items are left undone. Idempotent."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await set_within(self._idle, time_limit_s)
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        left = len(self._waiting)
        self._waiting.clear()
        self._filled = 0
        self._idle.set()
        return left

    async def _run(self) -> None:
        while True:
            while not self._waiting:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            await self._work(self._waiting[0])
            self._filled -= self._size(self._waiting.popleft())
