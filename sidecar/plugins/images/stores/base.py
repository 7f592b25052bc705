"""Where images are kept. A store is small on purpose, so that object storage and image services can be added.

Putting has two phases, so that a crash leaves neither an orphan nor a second copy. A store that would leave something
behind awaits `note(key)` before any bytes leave: the key is then in the journal. After a crash, or an error whose outcome
is unknown, `settle(key)` returns whether the bytes are there, or makes sure that nothing is.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.queue.spool import remove_leftovers, write_durably


@dataclass(frozen=True, slots=True)
class Upload:
    """An image as it is to be kept: checked bytes, and what they are. `sha256` (hex) is that of `content`."""

    sha256: str
    content: bytes = field(repr=False)
    media_type: str
    extension: str
    width: int
    height: int


Note = Callable[[str], Awaitable[None]]
_SHA256_KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z]{3,4}\Z")


class StorePausedError(RetryableError):
    """The store takes nothing now, whatever the image: wrong credentials, an account's limit, too many requests.

    The whole queue stops for `after` seconds, and no image's attempt is counted.
    """


def sha256_key(image: Upload) -> str:
    """Return `ab/cd/abcd….jpg`: the key of stores that name an image by its bytes, in 65,536 folders."""
    return f"{image.sha256[:2]}/{image.sha256[2:4]}/{image.sha256}.{image.extension}"


def check_sha256_key(key: str, store: str) -> str:
    """Return a key that came back from a database: it must not lead out of the folder. Raises PermanentError."""
    if not _SHA256_KEY.match(key):
        raise PermanentError(f"not a key of the {store} store")
    return key


class Store(Protocol):
    """Keeps images; failures are RetryableError (may pass), PermanentError (this image never) or StorePausedError (none now)."""

    name: ClassVar[str]

    async def start(self) -> None:
        """Check that images can be kept. Raises RetryableError while they can't; may be called again after that."""

    async def put(self, image: Upload, note: Note) -> str:
        """Return the key once the image is durable; `note(key)` was awaited before its bytes left."""

    async def settle(self, key: str) -> bool:
        """Whether the bytes of a noted key are there, whole. When not, nothing is left under it either."""

    async def delete(self, key: str) -> None:
        """Remove an image; nothing happens when it is not there."""

    async def close(self) -> None:
        """Release what the store holds. Idempotent."""


class DirectoryStore:
    """Files named by the SHA-256 of their bytes."""

    name: ClassVar[str] = "directory"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def start(self) -> None:
        """Make the folder. Raises RetryableError when that fails: a volume may not be mounted yet."""

        def make() -> None:
            self._directory.mkdir(parents=True, exist_ok=True)
            remove_leftovers(self._directory)

        try:
            await asyncio.to_thread(make)
        except OSError as error:
            raise RetryableError(f"CHATTRAIL_SIDECAR_IMAGES_DIRECTORY can't be made: {error.strerror}") from None

    async def put(self, image: Upload, note: Note) -> str:
        """Write the file unless it is there. Raises StorePausedError when the disk refuses: it would refuse every image."""
        key = sha256_key(image)
        path = self._path(key)
        await note(key)

        def write() -> None:
            if not path.is_file():
                write_durably(path, image.content, self._directory)

        try:
            await asyncio.to_thread(write)
        except OSError as error:
            raise StorePausedError(f"the directory store can't write: {error.strerror}", after=5) from None
        return key

    async def settle(self, key: str) -> bool:
        """Look for the file: it is whole, or not there."""
        return await asyncio.to_thread(self._path(key).is_file)

    async def delete(self, key: str) -> None:
        """Remove the file."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def close(self) -> None:
        """Nothing is held."""

    def _path(self, key: str) -> Path:
        return self._directory / check_sha256_key(key, "directory")
