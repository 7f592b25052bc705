"""Images in a bucket of any S3-compatible service, under the SHA-256 of their bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import ClassVar

import obstore
from obstore import exceptions
from obstore.store import S3Store

from common.s3 import open_bucket
from sidecar.errors import RetryableError
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import Note, StorePausedError, Upload, check_sha256_key, sha256_key

ACCESS_S = 300.0  # between looks whether the owner has repaired the access


class BucketStore:
    """Objects `prefix/ab/cd/abcd….jpg`. A put is one atomic request, so an object is whole or absent.

    The credentials need s3:GetObject, PutObject, DeleteObject, and ListBucket, without which a missing object looks forbidden.
    """

    name: ClassVar[str] = "s3"

    def __init__(self, config: ImagesSettings) -> None:
        self._config = config
        self._store: S3Store | None = None

    async def start(self) -> None:
        """Make the client. Asks the service nothing: events are taken whether or not it answers."""
        if self._store is not None:
            return
        limit = timedelta(seconds=self._config.store_timeout_s)
        try:
            self._store = open_bucket(self._config, timeout=limit, retries=2)
        except exceptions.BaseError as error:
            raise RetryableError(f"the S3 client can't be made as it is configured ({type(error).__name__})") from None

    async def put(self, image: Upload, note: Note) -> str:
        """Write the object unless it is there."""
        key = sha256_key(image)
        if await self.settle(key):
            return key
        await note(key)
        try:
            async with self._asking() as store:
                # not mode="create": some services refuse conditional writes; the same bytes may well be written twice
                await obstore.put_async(
                    store,
                    key,
                    image.content,
                    attributes={"Content-Type": image.media_type},
                    use_multipart=False,  # an upload in parts that is cut short leaves parts behind, unseen and paid for
                )
        except FileNotFoundError:
            raise StorePausedError(
                "there is no such bucket: check CHATTRAIL_SIDECAR_IMAGES_S3_BUCKET, _S3_ENDPOINT and _S3_REGION",
                after=ACCESS_S,
            ) from None
        return key

    async def settle(self, key: str) -> bool:
        """Whether the object is there."""
        check_sha256_key(key, "S3")
        try:
            async with self._asking() as store:
                await obstore.head_async(store, key)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove the object."""
        check_sha256_key(key, "S3")
        try:
            async with self._asking() as store:
                await obstore.delete_async(store, key)
        except FileNotFoundError:
            return

    async def close(self) -> None:
        """Let go of the client. Idempotent."""
        self._store = None

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[S3Store]:
        """Turn the client's errors into ours, without their texts, which hold addresses."""
        if self._store is None:
            raise RetryableError("the S3 store has not started")
        try:
            async with asyncio.timeout(self._config.store_timeout_s):
                yield self._store
        except TimeoutError:
            raise RetryableError(f"the S3 service did not answer within {self._config.store_timeout_s:g} s") from None
        except (exceptions.UnauthenticatedError, exceptions.PermissionDeniedError):
            raise StorePausedError(
                "the S3 service refuses the credentials: check CHATTRAIL_SIDECAR_IMAGES_S3_ACCESS_KEY_ID, "
                "_S3_SECRET_ACCESS_KEY and _S3_REGION, and that they may get, put, delete and list in the bucket",
                after=ACCESS_S,
            ) from None
        except exceptions.BaseError as error:
            raise RetryableError(f"the S3 service failed ({type(error).__name__})") from None
