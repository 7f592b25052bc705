"""Where pictures are kept. A store is small on purpose, so that object storage and image services can join."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from sidecar.errors import Permanent, Retryable
from sidecar.plugins.images.durable import remove_leftovers, write_durably
from sidecar.plugins.images.sniff import Picture


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture is durable under `key`, which only its store can read; `created` is False when it was there before."""

    key: str
    created: bool


class Store(Protocol):
    """Keeps pictures once each. Failures are Retryable (may pass) or Permanent (this picture never)."""

    name: ClassVar[str]

    async def start(self) -> None:
        """Check that pictures can be kept. Raises Retryable while they can't."""
        ...

    async def put(self, sha256: str, content: bytes, picture: Picture) -> Stored:
        """Return once the picture is durable. The same `sha256` again is the same picture and the same key."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return a picture's bytes, or None when it is not there."""
        ...

    async def exists(self, key: str) -> bool:
        """Whether a picture is there."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a picture; nothing happens when it is not there."""
        ...

    async def close(self) -> None:
        """Release what the store holds. Idempotent."""
        ...


class DirectoryStore:
    """Files named by the SHA-256 of their bytes, in 65,536 shard folders: `ab/cd/abcd….jpg`."""

    name: ClassVar[str] = "directory"

    _KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z]{3,4}\Z")

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def start(self) -> None:
        """Make the folder. Raises Retryable when that fails: a volume may not be mounted yet."""

        def make() -> None:
            self._directory.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self._directory, older_than_s=3600)

        try:
            await asyncio.to_thread(make)
        except OSError as error:
            raise Retryable(f"CHATTRAIL_SIDECAR_IMAGES_DIRECTORY can't be made: {error.strerror}") from None

    async def put(self, sha256: str, content: bytes, picture: Picture) -> Stored:
        """Write the file unless it is there. Raises Retryable when the disk refuses."""
        key = f"{sha256[:2]}/{sha256[2:4]}/{sha256}.{picture.extension}"
        path = self._path(key)

        def write() -> bool:
            if path.is_file():
                return False
            write_durably(path, content, self._directory)
            return True

        try:
            return Stored(key, await asyncio.to_thread(write))
        except OSError as error:
            raise Retryable(f"the directory store can't write: {error.strerror}", after=5) from None

    async def get(self, key: str) -> bytes | None:
        """Read the file."""
        try:
            return await asyncio.to_thread(self._path(key).read_bytes)
        except FileNotFoundError:
            return None

    async def exists(self, key: str) -> bool:
        """Look for the file."""
        return await asyncio.to_thread(self._path(key).is_file)

    async def delete(self, key: str) -> None:
        """Remove the file."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def close(self) -> None:
        """Nothing is held."""

    def _path(self, key: str) -> Path:
        if not self._KEY.match(key):  # a key comes back from a database: it must not lead out of the folder
            raise Permanent("not a key of the directory store")
        return self._directory / key
