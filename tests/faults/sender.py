"""A sender as the OTLP protocol wants it, which keeps the ids that were acknowledged to it."""

import asyncio
import time
from collections.abc import Iterable
from typing import Self

import aiohttp

from tests.faults.load import Parcel
from tests.faults.oracle import verified

HEADERS = {"Content-Type": "application/x-protobuf"}
COME_AGAIN = {429, 502, 503, 504}
PAUSE_S = 0.05
ANSWER_WITHIN_S = 30.0


class Sender:
    """Sends what it is fed, several requests at a time, each until it is acknowledged.

    `hasty` is the broken sender of the negative controls: it counts events as acknowledged once they are written into the
    socket, whatever comes back.
    """

    def __init__(self, url: str, *, workers: int = 4, hasty: bool = False) -> None:
        self.acknowledged: set[str] = set()
        self.dropped: list[int] = []  # statuses that OTLP calls final
        self.refusals: list[tuple[int, float | None]] = []  # status and Retry-After of each "come again"
        self.longest_wait_s = 0.0  # of a parcel, from its first try to its acknowledgement
        self._url = f"{url}/v1/logs"
        self._hasty = hasty
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue()
        self._count = workers
        self._parcels = 0
        self._done = 0
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S))
        self._workers = [asyncio.create_task(self._work(self._session)) for _ in range(self._count)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        assert self._session is not None
        await self._session.close()

    @property
    def waiting(self) -> int:
        """Parcels that are not acknowledged yet."""
        return self._parcels - self._done

    def feed(self, parcels: Iterable[Parcel]) -> None:
        """Hand over parcels to send."""
        for parcel in parcels:
            self._parcels += 1
            self._queue.put_nowait(parcel)

    async def half_through(self) -> None:
        """Wait until at most half a round of what was fed is still on its way."""
        await verified(lambda: self.waiting <= self._count // 2 + 1, "the parcels before the fault are acknowledged")

    async def finished(self, within_s: float = 300.0) -> None:
        """Wait until everything that was fed is acknowledged. Raises Unverified when the time is over."""
        await verified(lambda: self.waiting == 0, "every parcel is acknowledged", within_s)

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            parcel = await self._queue.get()
            began = time.monotonic()
            if await self._deliver(session, parcel):
                self.acknowledged.update(parcel.ids)
            self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)
            self._done += 1

    async def _deliver(self, session: aiohttp.ClientSession, parcel: Parcel) -> bool:
        while True:
            try:
                async with session.post(self._url, data=parcel.body, headers=HEADERS) as answer:
                    await answer.read()
            except (aiohttp.ClientError, OSError, TimeoutError):
                if self._hasty:
                    return True
                await asyncio.sleep(PAUSE_S)
                continue
            if answer.status == 200 or self._hasty:
                return True
            if answer.status not in COME_AGAIN:
                self.dropped.append(answer.status)
                return False
            after = answer.headers.get("Retry-After")
            self.refusals.append((answer.status, float(after) if after else None))
            await asyncio.sleep(float(after) if after else 0.5)
