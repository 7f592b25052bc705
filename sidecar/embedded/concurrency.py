"""How many queries run at once: the rest wait in line for a while, then are refused with error 202."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.embedded.errors import ClickHouseError, Code


class ConcurrencyLimit:
    """Places for running queries. Readers get all but one of them, so that the other user can always write."""

    def __init__(self, running: int, waiting: int, longest_wait: float) -> None:
        self._running = asyncio.Semaphore(running)
        self._for_readers = asyncio.Semaphore(max(1, running - 1))
        self.places = running
        self.sending = 0  # answers whose query has ended
        self._room = waiting
        self._longest = longest_wait
        self._waiting = Counter[bool]()  # readers, and others

    async def enter(self, *, reader: bool = False) -> "Slot":
        """Wait for a place; it must be left. Raises ClickHouseError (202) when none comes in time."""
        needed = [self._for_readers, self._running] if reader else [self._running]
        if any(one.locked() for one in needed) and self._waiting[reader] >= self._room:
            raise self._refusal("too many wait already")
        self._waiting[reader] += 1
        acquired: list[asyncio.Semaphore] = []
        try:
            async with asyncio.timeout(self._longest):
                for one in needed:
                    await one.acquire()
                    acquired.append(one)
        except BaseException as error:
            for one in acquired:
                one.release()
            if isinstance(error, TimeoutError):
                raise self._refusal(f"no slot came free in {self._longest:g} s") from None
            raise
        finally:
            self._waiting[reader] -= 1
        return Slot(self, acquired)

    def _refusal(self, why: str) -> ClickHouseError:
        return ClickHouseError(
            Code.TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many simultaneous queries. Maximum: {self.places}; {why}"
        )


@dataclass(slots=True)
class Slot:
    """The place of one query: `only_sends` when the query has ended, `leave` at the end."""

    limit: ConcurrencyLimit
    acquired: Sequence[asyncio.Semaphore]
    sends: bool = False

    def only_sends(self) -> None:
        """Give the place to the next query, unless as many answers as there are places are being sent already.

        What is being sent may lie on the disk: its clients must not fill that.
        """
        if self.acquired and self.limit.sending < self.limit.places:
            self.limit.sending += 1
            self.sends = True
            self._release()

    def leave(self) -> None:
        """Give the place to the next query, if that has not been done."""
        self.limit.sending -= self.sends
        self.sends = False
        self._release()

    def _release(self) -> None:
        for one in self.acquired:
            one.release()
        self.acquired = ()
