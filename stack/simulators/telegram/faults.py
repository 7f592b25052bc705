"""Faults that a test or a demo orders: the next calls fail, answers are delayed, flood limits hold."""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

from stack.simulators.telegram.wire import ApiError, too_many_requests


@dataclass(slots=True)
class Fault:
    """A fault for the next `remaining` calls of a method (`*` is any but getUpdates)."""

    method: str
    error: ApiError | None
    delay: float
    hang_up: bool
    remaining: int
    response_only: bool = False
    """The delay comes when all is done, but for the response."""


class Faults:
    """The ordered faults. Method names are compared without case, as the Bot API does."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ordered: list[Fault] = []
        self._limits: dict[str, tuple[int, float]] = {}
        self._calls: defaultdict[tuple[str, int | None], deque[float]] = defaultdict(deque)

    def fail_next(
        self,
        method: str,
        *,
        code: int = 500,
        description: str = "Internal Server Error",
        retry_after: int | None = None,
        delay: float = 0.0,
        hang_up: bool = False,
        times: int = 1,
    ) -> None:
        """Let the next `times` calls of `method` fail.

        `retry_after` makes it a 429; `hang_up` closes the connection without an answer; `delay` seconds pass first.
        """
        error = too_many_requests(retry_after) if retry_after is not None else ApiError(code, description)
        self._ordered.append(Fault(method.lower(), error, delay, hang_up, times))

    def delay_next(self, method: str, seconds: float, *, times: int = 1, response_only: bool = False) -> None:
        """Delay the next `times` calls of `method`, which succeed; or their responses only: people see the effect at once."""
        self._ordered.append(Fault(method.lower(), None, seconds, False, times, response_only))

    def limit(self, method: str, calls: int, seconds: float) -> None:
        """Answer 429 when `method` (or `*`) is called more than `calls` times within `seconds` for one chat."""
        if calls < 1 or seconds <= 0:
            raise ValueError("a flood limit needs at least one call and a positive time")
        self._limits[method.lower()] = calls, seconds
        self._calls.clear()

    def clear(self) -> None:
        """Forget all ordered faults and limits."""
        self._ordered.clear()
        self._limits.clear()
        self._calls.clear()

    def take(self, method: str) -> Fault | None:
        """Return the fault for this call, counting it down."""
        for fault in self._ordered:
            if fault.method == method.lower() or (fault.method == "*" and method.lower() != "getupdates"):
                fault.remaining -= 1
                if fault.remaining <= 0:
                    self._ordered.remove(fault)
                return fault
        return None

    def check_flood(self, method: str, chat_id: int | None) -> None:
        """Count this call against the limits. Raises the 429 when one is exceeded."""
        for name in (method.lower(), "*"):
            if name not in self._limits or method.lower() == "getupdates":
                continue
            calls, seconds = self._limits[name]
            recent, now = self._calls[name, chat_id], self._monotonic()
            while recent and recent[0] <= now - seconds:
                recent.popleft()
            if len(recent) >= calls:
                raise too_many_requests(max(1, round(recent[0] + seconds - now)))
            recent.append(now)
