"""How long a body may take to arrive: some seconds, and more for what has arrived. Only waiting for the peer counts."""

import asyncio
import math
import time
from collections.abc import Awaitable
from typing import Final, TypeVar

T = TypeVar("T")
PATIENCE_S: Final = 5.0
BYTES_PER_S: Final = 1024  # slower than any link that a sender's telemetry would go over


class Pace:
    """The time that one body has left. `at_most_s` bounds the waiting in all."""

    def __init__(self, at_most_s: float = math.inf, patience_s: float = PATIENCE_S) -> None:
        self._at_most_s = at_most_s
        self._patience_s = patience_s
        self._waited_s = 0.0
        self._received = 0

    async def take(self, reading: Awaitable[bytes]) -> bytes:
        """Wait for the next piece and return it. Raises TimeoutError when the peer is too slow."""
        piece = await self.wait(reading)
        self._received += len(piece)
        return piece

    async def wait(self, reading: Awaitable[T]) -> T:
        """Wait for a part of the body that does not count as data, such as the head of a form's field."""
        allowed = min(self._at_most_s, self._patience_s + self._received / BYTES_PER_S)
        began = time.monotonic()
        async with asyncio.timeout(max(0.0, allowed - self._waited_s)):
            found = await reading
        self._waited_s += time.monotonic() - began
        return found
