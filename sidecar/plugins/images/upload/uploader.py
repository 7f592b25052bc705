"""Puts an image into the store once, whatever is interrupted: note the key, send the bytes, record; settle what is left open."""

import asyncio
import contextlib
from collections.abc import Callable
from weakref import WeakValueDictionary

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.queue.job_store import JobStore
from sidecar.plugins.images.queue.jobs import Blob, Job
from sidecar.plugins.images.stores.base import Store, StorePausedError, Upload

AWAY_S = 5.0  # between looks whether a store that is away is back


def store_away(error: RetryableError) -> StorePausedError:
    """The same failure as one of the store, which every image waits for."""
    return StorePausedError(error.reason, after=max(error.after, AWAY_S))


class Uploader:
    """Between the workers and the store. One image (SHA-256) is worked on by one task at a time."""

    def __init__(self, jobs: JobStore, store: Store) -> None:
        self._jobs = jobs
        self._store = store
        # a lock is there for as long as a task holds it or waits for it
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.store_name = store.name

    async def finish_earlier(self, job: Job) -> bool:
        """Whether the upload that an earlier attempt of this job began did reach the store: then the job is stored."""
        if not job.sha256:
            return False
        async with self._exclusive(job.sha256):
            return await self._is_stored(job.sha256)

    async def put(self, job: Job, image: Upload) -> None:
        """Return once the image is at the store and so recorded. Raises RetryableError, PermanentError or StorePausedError."""
        blob = Blob(self.store_name, image.sha256, "", image.media_type, len(image.content), image.width, image.height)
        async with self._exclusive(image.sha256):
            if await self._is_stored(image.sha256):
                return
            noted = False

            async def note(key: str) -> None:
                nonlocal noted
                await self._jobs.note_upload(job, blob._replace(key=key))
                noted = True

            try:
                key = await self._store.put(image, note)
            except StorePausedError:
                raise
            except Exception as error:
                if isinstance(error, RetryableError) and not noted:
                    # no byte of the image had left: it is the store that is away, for all of them, however long
                    raise store_away(error) from None
                # the error may have come after the bytes arrived; if that can't be learnt, the key stays noted
                with contextlib.suppress(RetryableError, PermanentError):
                    if noted and await self._is_stored(image.sha256):
                        return
                raise
            if not noted:
                await note(key)
            await self._record(image.sha256, stored=True)

    async def settle_all(self, on_settled: Callable[[], None] = lambda: None) -> int:
        """Settle what crashes, failed jobs and erasure left open at the store; return how much stays open."""
        left = 0
        for blob in await self._jobs.unsettled(self.store_name):
            mine = blob.owner in ("", self._jobs.owner)
            if blob.sha256 in self._locks or (not mine and self._jobs.alive(blob.owner)):
                continue  # it is being worked on
            async with self._exclusive(blob.sha256):
                try:
                    await self._is_stored(blob.sha256)
                    on_settled()
                except (RetryableError, PermanentError):
                    left += 1
        return left

    async def _is_stored(self, sha256: str) -> bool:
        """Whether the store has this image, with what was open about it settled."""
        blob = await self._jobs.take_blob(self.store_name, sha256)
        if blob is None:
            return False
        if blob.state == "stored":
            return True
        if blob.state == "uploading" and await self._store.settle(blob.key):
            return await self._record(sha256, stored=True, key=blob.key)
        if blob.state == "deleting":
            await self._store.delete(blob.key)
        return await self._record(sha256, stored=False)

    async def _record(self, sha256: str, *, stored: bool, key: str = "") -> bool:
        """Write down the outcome of a noted key; bytes that no job wants any more are removed."""
        wanted = await self._jobs.settle(self.store_name, sha256, stored=stored)
        if stored and not wanted and key:
            await self._store.delete(key)
            await self._jobs.settle(self.store_name, sha256, stored=False)
        return wanted

    def _exclusive(self, sha256: str) -> asyncio.Lock:
        return self._locks.setdefault(sha256, asyncio.Lock())
