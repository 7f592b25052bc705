"""The queue of updates: handed to a long poll or to a webhook, and kept until confirmed (at most a day)."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from stack.simulators.telegram.wire import ApiError, Json

KEPT_SECONDS = 24 * 3600
LONGEST_POLL_SECONDS = 50
# Kinds that the real server leaves out unless the bot asks for them by name.
ON_REQUEST_ONLY = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateQueue:
    """Updates in the order they happened. Confirming is by offset: everything below it is forgotten."""

    def __init__(self, first_id: int, clock: Callable[[], float] = time.time) -> None:
        self._next_id = first_id
        self._clock = clock
        self._waiting: deque[tuple[float, Json]] = deque()
        self._changed = asyncio.Event()
        self._poll = 0
        self._closed = False
        self.allowed: list[str] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, kind: str, content: Json) -> int | None:
        """Queue an update. Returns its id, or None when the bot does not want this kind."""
        if (self.allowed and kind not in self.allowed) or (not self.allowed and kind in ON_REQUEST_ONLY):
            return None
        now = self._clock()
        while self._waiting and self._waiting[0][0] < now - KEPT_SECONDS:
            self._waiting.popleft()
        update_id = self._next_id
        self._next_id += 1
        self._waiting.append((now, {"update_id": update_id, kind: content}))
        self._wake()
        return update_id

    def allow(self, kinds: list[Any] | None) -> None:
        """Remember which kinds the bot wants from now on; None leaves the choice as it was."""
        if kinds is not None:
            self.allowed = [str(kind) for kind in kinds]

    def clear(self) -> None:
        """Drop all that is pending."""
        self._waiting.clear()

    def confirm(self, offset: int) -> None:
        """Forget updates below `offset`; a negative one keeps that many from the end."""
        if offset < 0:
            while len(self._waiting) > -offset:
                self._waiting.popleft()
        while offset > 0 and self._waiting and self._waiting[0][1]["update_id"] < offset:
            self._waiting.popleft()

    async def poll(self, offset: int, limit: int, timeout: float) -> list[Json]:  # noqa: ASYNC109 - the API's own parameter
        """Confirm by `offset`, then return up to `limit` updates, waiting up to `timeout` seconds for the first.

        A newer poll ends this one with 409, as does a webhook that is set meanwhile.
        """
        self.confirm(offset)
        self._poll += 1
        this = self._poll
        self._wake()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + min(max(timeout, 0), LONGEST_POLL_SECONDS)
        while not self._waiting and not self._closed:
            changed = self._changed
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                break
            if this != self._poll:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )
        return [update for _, update in self._waiting][:limit]

    def end_poll(self) -> None:
        """End a running poll with 409 (another consumer takes over)."""
        self._poll += 1
        self._wake()

    def close(self) -> None:
        """Let a running poll return at once."""
        self._closed = True
        self._wake()

    async def take(self) -> Json:
        """Wait for the oldest update and remove it (for the webhook, which then answers for it)."""
        while not self._waiting:
            await self._changed.wait()
        return self._waiting.popleft()[1]

    def give_back(self, updates: list[Json]) -> None:
        """Put updates that nobody took back to the front."""
        now = self._clock()
        self._waiting.extendleft((now, update) for update in reversed(updates))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
