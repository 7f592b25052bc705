"""Faults that a test or a demo orders: the next calls fail, answers come late, and flood limits hold."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from stack.simulators.telegram.wire import ApiError, too_many_requests


@dataclass(slots=True)
class Planned:
    """A fault waiting for `remaining` calls of a method (`*` is any but getUpdates)."""

    method: str
    error: ApiError | None
    delay: float
    hang_up: bool
    remaining: int


class Faults:
    """The plan of faults. Method names are compared without case, as the Bot API does."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._planned: list[Planned] = []
        self._limits: dict[str, tuple[int, float, deque[float]]] = {}

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
        self._planned.append(Planned(method.lower(), error, delay, hang_up, times))

    def delay_next(self, method: str, seconds: float, *, times: int = 1) -> None:
        """Let the next `times` calls of `method` succeed, late."""
        self._planned.append(Planned(method.lower(), None, seconds, hang_up=False, remaining=times))

    def limit(self, method: str, calls: int, seconds: float) -> None:
        """Answer 429 when `method` (or `*`) is called more than `calls` times within `seconds` for one chat."""
        if calls < 1 or seconds <= 0:
            raise ValueError("a flood limit needs at least one call and a positive time")
        self._limits = {key: value for key, value in self._limits.items() if not key.startswith(f"{method.lower()}\0")}
        self._limits[f"{method.lower()}\0"] = (calls, seconds, deque())

    def clear(self) -> None:
        """Forget all planned faults and limits."""
        self._planned.clear()
        self._limits.clear()

    def take(self, method: str) -> Planned | None:
        """Return the fault that is due for this call, counting it down."""
        for planned in self._planned:
            if planned.method == method.lower() or (planned.method == "*" and method.lower() != "getupdates"):
                planned.remaining -= 1
                if planned.remaining <= 0:
                    self._planned.remove(planned)
                return planned
        return None

    def check_flood(self, method: str, chat_id: int | None) -> None:
        """Count this call against the limits. Raises the 429 when one is exceeded."""
        if method.lower() == "getupdates":
            return
        for name in (method.lower(), "*"):
            limit = self._limits.get(f"{name}\0")
            if limit is None:
                continue
            calls, seconds, _ = limit
            recent = self._limits.setdefault(f"{name}\0{chat_id}", (calls, seconds, deque()))[2]
            now = self._monotonic()
            while recent and recent[0] <= now - seconds:
                recent.popleft()
            if len(recent) >= calls:
                raise too_many_requests(max(1, round(recent[0] + seconds - now)))
            recent.append(now)
