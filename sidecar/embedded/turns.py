"""How many queries run at once: the rest wait in line for a while, then are told so by error 202."""

import asyncio

from sidecar.embedded.errors import TOO_MANY_SIMULTANEOUS_QUERIES, ClickHouseError


class Turns:
    """A place for a running query: `enter`, then `leave`."""

    def __init__(self, running: int, waiting: int, longest_wait: float) -> None:
        self._running = asyncio.Semaphore(running)
        self._places = running
        self._room = waiting
        self._longest = longest_wait
        self._waiting = 0

    async def enter(self) -> None:
        """Wait for a place. Raises ClickHouseError (202) when none comes in time."""
        if self._running.locked() and self._waiting >= self._room:
            raise self._refusal("too many wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._longest):
                await self._running.acquire()
        except TimeoutError:
            raise self._refusal(f"no turn came in {self._longest:g} s") from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give the place to the next one."""
        self._running.release()

    def _refusal(self, why: str) -> ClickHouseError:
        return ClickHouseError(
            TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many simultaneous queries. Maximum: {self._places}; {why}"
        )
