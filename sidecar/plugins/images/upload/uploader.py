"""Puts a picture into the store once, whatever is interrupted: note the key, send the bytes, record; settle what is left open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial

from sidecar.errors import Permanent, Retryable
from sidecar.plugin import Clock
from sidecar.plugins.images.queue import job_rows
from sidecar.plugins.images.queue.job_rows import Blob, Claim
from sidecar.plugins.images.queue.journal import Journal
from sidecar.plugins.images.stores.base import Paused, Store, Upload

AWAY_S = 5.0  # between looks whether a store that is away is back


def away(error: Retryable) -> Paused:
    """The same failure as one of the store, which every picture waits for."""
    return Paused(error.reason, after=max(error.after, AWAY_S))


class Keeper:
    """Between the workers and the store. One picture (SHA-256) is in one pair of hands at a time."""

    def __init__(self, journal: Journal, store: Store, clock: Clock) -> None:
        self._journal = journal
        self._store = store
        self._clock = clock
        self._busy: dict[str, tuple[asyncio.Lock, int]] = {}

    @property
    def name(self) -> str:
        """Name of the store."""
        return self._store.name

    async def begun(self, claim: Claim) -> bool:
        """Whether the upload that an earlier turn of this job began did reach the store: then the job is stored."""
        if not claim.sha256:
            return False
        async with self._alone(claim.sha256):
            return await self._there(claim.sha256)

    async def keep(self, claim: Claim, picture: Upload) -> None:
        """Return once the picture is at the store and so recorded. Raises Retryable, Permanent or Paused."""
        async with self._alone(picture.sha256):
            if await self._there(picture.sha256):
                return
            blob = Blob(
                self.name, picture.sha256, "", picture.media_type, len(picture.content), picture.width, picture.height,
                owner=self._journal.owner,
            )  # fmt: skip
            noted = False

            async def note(key: str) -> None:
                nonlocal noted
                await self._journal.do(lambda db: job_rows.note(db, claim, replace(blob, key=key)))
                noted = True

            try:
                key = await self._store.put(picture, note)
            except Paused:
                raise
            except Exception as error:
                if isinstance(error, Retryable) and not noted:
                    # nothing of the picture had left: it is the store that is away, for all of them, however long
                    raise away(error) from None
                # what went wrong may have gone wrong after the bytes arrived
                if noted and await self._told_by_store(picture.sha256):
                    return
                raise
            if not noted:
                await self._journal.do(lambda db: job_rows.note(db, claim, replace(blob, key=key)))
            await self._record(picture.sha256, True)

    async def tidy(self, done: Callable[[], None] = lambda: None) -> int:
        """Settle what crashes, failed jobs and erasure left open at the store; how much stays open.

        `done` is called for each that is settled.
        """
        left = 0
        for blob in await self._journal.do(partial(job_rows.unsettled, store=self.name)):
            mine = blob.owner in ("", self._journal.owner)
            if self._busy.get(blob.sha256) or (not mine and self._journal.alive(blob.owner)):
                continue  # it is being worked on
            async with self._alone(blob.sha256):
                try:
                    await self._there(blob.sha256)
                    done()
                except (Retryable, Permanent, Paused):
                    left += 1
        return left

    async def _told_by_store(self, sha256: str) -> bool:
        try:
            return await self._there(sha256)
        except (Retryable, Permanent, Paused):
            return False  # it stays noted: the next turn asks again

    async def _there(self, sha256: str) -> bool:
        """Whether the store has this picture, with what was open about it settled."""
        journal = self._journal
        blob = await journal.do(lambda db: job_rows.taken(db, self.name, sha256, journal.owner, journal.alive))
        if blob is None:
            return False
        if blob.state == "stored":
            return True
        if blob.state == "uploading" and await self._store.settle(blob.key):
            return await self._record(sha256, True, blob)
        if blob.state == "deleting":
            await self._store.delete(blob.key)
        return await self._record(sha256, False)

    async def _record(self, sha256: str, there: bool, blob: Blob | None = None) -> bool:
        """Write down what became of a noted key; bytes that nobody wants any more are removed."""
        now = job_rows.ms(self._clock.now())
        wanted = await self._journal.do(lambda db: job_rows.settled(db, self.name, sha256, there, now))
        if there and not wanted and blob is not None:
            await self._store.delete(blob.key)
            await self._journal.do(lambda db: job_rows.settled(db, self.name, sha256, False, now))
        return wanted

    @contextlib.asynccontextmanager
    async def _alone(self, sha256: str) -> AsyncIterator[None]:
        lock, users = self._busy.get(sha256, (asyncio.Lock(), 0))
        self._busy[sha256] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._busy[sha256]
            if users == 1:
                del self._busy[sha256]
            else:
                self._busy[sha256] = lock, users - 1
