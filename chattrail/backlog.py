"""What a tracker's instrumentation has seen and not recorded yet, so that handlers do not wait for it (ADR 0040)."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, NamedTuple

from chattrail.clock import is_seen_before, seen
from chattrail.forks import after_fork_in_child

DELAY_S = 0.02  # as long as nothing blocks the loop
AT_ONCE = 20  # then the loop sees to others: about half a millisecond
CAPACITY = 1_000


class _Seen(NamedTuple):
    work: Callable[..., object]
    arguments: tuple[Any, ...]
    events: int
    wall_ns: int
    monotonic_s: float
    context: Context


class _Loops(threading.local):
    """Which event loop of a thread looks after what waits, by a timer, and which does so soon."""

    looking: asyncio.AbstractEventLoop | None = None
    hurried: asyncio.AbstractEventLoop | None = None


class Backlog:
    """Records things in the order in which they were seen, when the event loop has a moment. Where none runs, at once.

    They are recorded with the time and the context variables that they were seen with. Safe to use from several threads and loops;
    a forked child begins with none.
    """

    def __init__(self, hold: Callable[[int], None], lost: Callable[[Exception], None], *, at_once: bool) -> None:
        """`hold` is told how many more events wait, or fewer; `lost` which exception lost some. `at_once`: nothing waits."""
        self._hold = hold
        self._lost = lost
        self._at_once = at_once
        after_fork_in_child(self._begin)
        self._begin()

    def _begin(self) -> None:
        self._waiting: deque[_Seen] = deque()
        self._lock = threading.Lock()  # of the thread that records
        self._loops = _Loops()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, events: int, work: Callable[..., object], *arguments: Any) -> None:
        """Call `work` later, which records as many events as a rule. Of too many that wait the oldest waits no longer."""
        loop = None if self._at_once else _running_loop()
        if loop is None:
            self.drain()
            work(*arguments)
            return
        if events:
            self._hold(events)
        self._waiting.append(_Seen(work, arguments, events, time.time_ns(), time.monotonic(), copy_context()))
        if self._loops.looking is not loop:
            self._loops.looking = loop
            loop.call_later(DELAY_S, self._look, loop, context=Context())
        if len(self._waiting) > CAPACITY:
            self._record(1)

    def hurry(self) -> None:
        """Have what waits recorded as soon as the code that runs now waits for something itself."""
        if self._waiting and (loop := _running_loop()) is not None and self._loops.hurried is not loop:
            self._loops.hurried = loop
            loop.call_soon(self._record_some, context=Context())

    def drain(self) -> None:
        """Record all that waits, and wait for what another thread records."""
        if self._waiting:
            self._record(len(self._waiting))

    def _record(self, count: int) -> None:
        if is_seen_before():
            return  # a log handler that tracks, say: it is called by what is recorded, which comes before the rest
        with self._lock:
            waiting = self._waiting
            for _ in range(min(count, len(waiting))):
                one = waiting[0]
                try:
                    if one.events:
                        self._hold(-one.events)
                    with seen(one.wall_ns, one.monotonic_s):
                        one.context.run(one.work, *one.arguments)
                except Exception as error:
                    self._lost(error)
                finally:
                    waiting.popleft()  # not before: another thread that finds nothing here may go on

    def _record_some(self) -> None:
        self._loops.hurried = None
        self._record(AT_ONCE)
        self.hurry()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Record what has waited for too long, and look again as long as there is something."""
        if self._loops.looking is not loop:
            return
        try:
            rest = self._waiting[0].monotonic_s + DELAY_S - time.monotonic()
        except IndexError:
            self._loops.looking = None
            return
        if rest <= 0:
            self._record_some()
            rest = DELAY_S
        loop.call_later(rest, self._look, loop, context=Context())


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
