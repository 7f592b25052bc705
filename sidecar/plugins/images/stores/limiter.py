"""A limit on requests over a sliding window that outlives the process, so that no restart begins it anew."""

import asyncio
import contextlib
import heapq
import math
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from sidecar.plugin import Clock
from sidecar.plugins.images.store import Paused

LONGEST_SLEEP_S = 5.0
_SLOT = struct.Struct(">d")


class Limiter:
    """At most `limit` requests in any `period_s` seconds, and none while the service has asked for a pause.

    The file holds the end of that pause and then, for each of `limit` slots, when it was last used (seconds since
    1970). A slot's time is written and synced before its request leaves, and again once the answer is there: the
    service counts a request somewhere between the two. One process at a time; make it on the loop that uses it.
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
        # slots that are not in a request, the one used longest ago on top
        self._free = [(0.0, slot) for slot in range(limit)]
        self._paused_until = 0.0
        self._turn = asyncio.Lock()
        self._file: int | None = None

    def open(self) -> None:
        """Read what earlier processes did. Raises OSError."""
        if self._file is not None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        size = os.fstat(self._file).st_size
        if size % _SLOT.size:
            raise OSError(f"{self._path.name} is no file of request times; remove it")
        now = self._now()
        written = [time for (time,) in _SLOT.iter_unpack(os.pread(self._file, size, 0))]
        if written:
            self._paused_until = min(_sane(written[0], now + self._period_s), now + self._period_s)
        # a time to come was written before the clock was set back; when the limit was changed, the newest are kept
        times = sorted((min(_sane(time, now), now) for time in written[1:]), reverse=True)[: self._limit]
        used = times + [0.0] * (self._limit - len(times))
        self._free = [(time, slot) for slot, time in enumerate(used)]
        heapq.heapify(self._free)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, b"".join(map(_SLOT.pack, (self._paused_until, *used))), 0)
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    @contextlib.asynccontextmanager
    async def requests(self, count: int = 1) -> AsyncIterator[None]:
        """Hold room for `count` requests while they are made.

        Waits a few seconds for it if need be. Raises Paused when it takes longer, OSError when it can't be noted.
        """
        async with self._turn:
            while (wait := self._wait(count)) > 0:
                if wait > LONGEST_SLEEP_S:
                    raise Paused(self._reason(), after=wait)
                await self._sleep(wait)
            slots = [heapq.heappop(self._free)[1] for _ in range(count)]
            try:
                await asyncio.to_thread(self._write, slots, self._now(), sync=True)
            except BaseException:
                self._release(slots)
                raise
        try:
            yield
        finally:
            ended = self._release(slots)
            with contextlib.suppress(OSError):  # the earlier time is on disk
                self._write(slots, ended, sync=False)

    def pause(self, seconds: float) -> None:
        """Let no request out for a while, over restarts too: the service said so. Raises OSError."""
        self._paused_until = max(self._paused_until, self._now() + min(seconds, self._period_s))
        if self._file is not None:
            os.pwrite(self._file, _SLOT.pack(self._paused_until), 0)
            os.fsync(self._file)

    def _now(self) -> float:
        return self._clock.monotonic() + self._offset

    def _wait(self, count: int) -> float:
        now = self._now()
        if self._paused_until > now:
            return self._paused_until - now
        if len(self._free) < count:  # as many requests under way as the limit has: one ends in a moment
            return 1.0
        # the last of those to be taken; a hair more, since at the very end of its period a request still counts
        latest = heapq.nsmallest(count, self._free)[-1][0] if count > 1 else self._free[0][0]
        left = latest + self._period_s - now
        return left + 0.001 if latest and left >= 0 else 0.0

    def _release(self, slots: list[int]) -> float:
        now = self._now()
        for slot in slots:
            heapq.heappush(self._free, (now, slot))
        return now

    def _reason(self) -> str:
        if self._paused_until > self._now():
            return "the store has asked for a pause"
        return f"{self._limit} requests in {self._period_s:g} s are used up"

    def _write(self, slots: list[int], time: float, *, sync: bool) -> None:
        if self._file is None:
            return
        for slot in slots:
            os.pwrite(self._file, _SLOT.pack(time), (slot + 1) * _SLOT.size)
        if sync:
            os.fdatasync(self._file)


def _sane(time: float, otherwise: float) -> float:
    return time if math.isfinite(time) and time >= 0 else otherwise
