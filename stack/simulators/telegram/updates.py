"""The queue of updates: for a long poll or a webhook, each kept until it is confirmed (at most a day)."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from stack.simulators.telegram.wire import ApiError, Json

KEPT_SECONDS = 24 * 3600
LONGEST_POLL_SECONDS = 50
KEPT_CONFIRMED = 100
# Kinds that the real server leaves out unless the bot asks for them by name.
ON_REQUEST_ONLY = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class UpdateQueue:
    """Updates in the order they happened. Confirming is by offset: every update below it is removed."""

    def __init__(self, first_id: int, clock: Callable[[], float] = time.time) -> None:
        self._next_id = first_id
        self._clock = clock
        self._waiting: deque[tuple[float, Json]] = deque()
        self._confirmed: deque[Json] = deque(maxlen=KEPT_CONFIRMED)
        self._changed = asyncio.Event()
        self._poll = 0
        self._closed = False
        self.allowed: list[str] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, kind: str, content: Json) -> None:
        """Queue an update, if the bot wants this kind."""
        if (self.allowed and kind not in self.allowed) or (not self.allowed and kind in ON_REQUEST_ONLY):
            return
        now = self._clock()
        while self._waiting and self._waiting[0][0] < now - KEPT_SECONDS:
            self._waiting.popleft()
        self._waiting.append((now, {"update_id": self._next_id, kind: content}))
        self._next_id += 1
        self._wake()

    def allow(self, kinds: list[Any] | None) -> None:
        """Set the kinds that the bot wants from now on; None leaves them as they were."""
        if kinds is not None:
            self.allowed = [str(kind) for kind in kinds]

    def clear(self) -> None:
        """Remove all updates."""
        self._waiting.clear()

    async def poll(self, offset: int, limit: int, timeout: float) -> list[Json]:  # noqa: ASYNC109 - the API's own parameter
        """Confirm by `offset`, then return up to `limit` updates, waiting up to `timeout` seconds for the first.

        A negative offset keeps that many from the end. A newer poll or webhook ends this one with 409.
        """
        while self._waiting and (
            len(self._waiting) > -offset if offset < 0 else self._waiting[0][1]["update_id"] < offset
        ):
            self._confirmed.append(self._waiting.popleft()[1])
        self.end_poll()
        this = self._poll
        deadline = asyncio.get_running_loop().time() + min(max(timeout, 0), LONGEST_POLL_SECONDS)
        while not self._waiting and not self._closed:
            changed = self._changed
            try:
                async with asyncio.timeout_at(deadline):
                    await changed.wait()
            except TimeoutError:
                break
            if this != self._poll:
                reason = "terminated by other getUpdates request; make sure that only one bot instance is running"
                raise ApiError(409, f"Conflict: {reason}")
        return [update for _, update in self._waiting][:limit]

    def end_poll(self) -> None:
        """End a running poll with 409, because another consumer begins."""
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

    def confirm(self, update: Json) -> None:
        """Keep an update that was delivered, so that it can be delivered again."""
        self._confirmed.append(update)

    def deliver_again(self, count: int) -> None:
        """Deliver the newest confirmed updates once more, as Telegram does when it missed the bot's answer."""
        self.give_back([self._confirmed.pop() for _ in range(min(count, len(self._confirmed)))][::-1])

    def give_back(self, updates: list[Json]) -> None:
        """Put updates that were not delivered back to the front."""
        now = self._clock()
        self._waiting.extendleft((now, update) for update in reversed(updates))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
