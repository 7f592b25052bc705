"""A limit on requests over a sliding window that outlives the process, so that no restart begins it anew."""

import asyncio
import contextlib
import fcntl
import heapq
import math
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from sidecar.plugin import Clock
from sidecar.plugins.images.stores.base import StorePausedError

LONGEST_SLEEP_S = 5.0
_SLOT = struct.Struct(">d")


class RateLimiter:
    """At most `limit` requests in any `period_s` seconds, and none while the service has asked for a pause.

    The file holds the end of that pause and then, for each of `limit` slots, when it was last used (seconds since
    1970). A slot's time is written and synced before its request leaves, and again once the answer is there: the
    service counts a request somewhere between the two. Processes that share the file share the limit: it is read and
    written under a lock.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        limit: int,
        period_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path
        self._limit = limit
        self._period_s = period_s
        self._clock = clock
        self._sleep = sleep
        # the wall clock may be set while we run; it counts only for what an earlier process wrote down
        self._offset = clock.now().timestamp() - clock.monotonic()
        self._running: set[int] = set()
        self._turn = asyncio.Lock()
        self._file: int | None = None

    def open(self) -> None:
        """Read what earlier processes did. Raises OSError."""
        if self._file is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with self._locked() as file:
                size = os.fstat(file).st_size
                if size % _SLOT.size:
                    raise OSError(f"{self._path.name} is no file of request times; remove it")
                written = [time for (time,) in _SLOT.iter_unpack(os.pread(file, size, 0))]
                now = self._now()
                # a time to come was written before the clock was set back
                paused = _sane(written[0], now + self._period_s) if written else 0.0
                times = [_sane(time, now) for time in written[1:]]
                if len(times) != self._limit:  # another limit than last time: the newest count
                    times = sorted(times, reverse=True)[: self._limit]
                    times += [0.0] * (self._limit - len(times))
                os.pwrite(file, b"".join(map(_SLOT.pack, (paused, *times))), 0)
                os.ftruncate(file, _SLOT.size * (1 + self._limit))
                os.fsync(file)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    @contextlib.asynccontextmanager
    async def requests(self, count: int = 1) -> AsyncIterator[None]:
        """Hold room for `count` requests while they are made.

        Waits a few seconds for it if need be. Raises StorePausedError when it takes longer, OSError when it can't be noted.
        """
        async with self._turn:
            while not isinstance(slots := await asyncio.to_thread(self._take, count), list):
                await self._sleep(slots)
            self._running.update(slots)
        try:
            yield
        finally:
            self._running.difference_update(slots)
            with contextlib.suppress(OSError):  # the earlier time is on disk
                self._write(slots)

    def pause(self, seconds: float) -> None:
        """Let no request out for a while, over restarts too: the service said so. Raises OSError."""
        with self._locked() as file:
            until = self._now() + min(seconds, self._period_s)
            os.pwrite(file, _SLOT.pack(until), 0)
            os.fsync(file)

    def _now(self) -> float:
        return self._clock.monotonic() + self._offset

    def _take(self, count: int) -> list[int] | float:
        """Take slots, or tell how long to sleep for them."""
        with self._locked() as file:
            paused, *used = struct.unpack(f">{1 + self._limit}d", os.pread(file, _SLOT.size * (1 + self._limit), 0))
            now = self._now()
            if paused > now:
                raise StorePausedError("the store has asked for a pause", after=paused - now)
            free = ((time, slot) for slot, time in enumerate(used) if slot not in self._running)
            oldest = heapq.nsmallest(count, free)
            if len(oldest) < count:  # as many requests under way as the limit has: one ends in a moment
                return 1.0
            left: float = oldest[-1][0] + self._period_s - now
            if left < 0:
                slots = [slot for _, slot in oldest]
                self._write(slots)
                os.fdatasync(file)
                return slots
        if left > LONGEST_SLEEP_S:
            raise StorePausedError(f"{self._limit} requests in {self._period_s:g} s are used up", after=left + 0.001)
        return left + 0.001  # a hair more: at the very end of its period a request still counts

    def _write(self, slots: list[int]) -> None:
        if self._file is not None:
            for slot in slots:
                os.pwrite(self._file, _SLOT.pack(self._now()), (slot + 1) * _SLOT.size)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        if self._file is None:
            raise OSError(f"{self._path.name} is not open")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield self._file
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


def _sane(time: float, latest: float) -> float:
    return min(time, latest) if math.isfinite(time) and time >= 0 else latest
