"""Files that people and the bot sent: kept in memory up to a limit, found by file_id, downloaded by path.

Photos become JPEG in two sizes as in Telegram; every other file stays as it is, byte for byte.
"""

import asyncio
import base64
import hashlib
import io
import itertools
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image

from stack.simulators.telegram.wire import ApiError, Json, bad_request

LARGEST_PHOTO = 10 * 1024 * 1024
LARGEST_DOWNLOAD = 20 * 1024 * 1024
LARGEST_SIDE = 1280
THUMBNAIL_SIDE = 320
LARGEST_SIDES_SUM = 10_000
KEPT_BYTES = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file; the unique id is the same for the same bytes, the file id names this copy."""

    file_id: str
    unique_id: str
    path: str
    data: bytes
    facts: Json
    photo: str = ""
    """The photo that this file is a size of."""

    @property
    def as_json(self) -> Json:
        """The fields that all file objects of the wire share, and those of its kind (width, duration…)."""
        return {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": len(self.data), **self.facts}


class FileStore:
    """The newest files up to `kept_bytes`; older ones are gone, as behind Telegram's temporary links."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._by_path: dict[str, StoredFile] = {}
        self._numbers = itertools.count()

    def add(self, data: bytes, folder: str, extension: str, facts: Json, photo: str = "") -> StoredFile:
        """Keep a file. `folder` is the kind as in download paths: photos, voice, stickers, documents."""
        number = next(self._numbers)
        digest = hashlib.sha256(data).digest()
        unique_id = "AQAD" + base64.urlsafe_b64encode(digest[:9]).decode()
        file_id = "AgACAgIAAxkBAAI" + base64.urlsafe_b64encode(digest[:15] + number.to_bytes(6, "big")).decode()
        stored = StoredFile(file_id, unique_id, f"{folder}/file_{number}.{extension}", data, facts, photo)
        self._files[file_id] = self._by_path[stored.path] = stored
        self._bytes += len(data)
        while self._bytes > self._kept_bytes and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            self._bytes -= len(oldest.data)
            del self._by_path[oldest.path]
        return stored

    async def add_photo(self, data: bytes) -> list[Json]:
        """Keep a photo in its sizes. Returns PhotoSize objects, smallest first. Raises 400 for what is not an image."""
        if len(data) > LARGEST_PHOTO:
            raise bad_request("file is too big for a photo; the maximum size is 10485760 bytes")
        sizes, photo = await asyncio.to_thread(_jpeg_sizes, data), str(next(self._numbers))
        facts = [{"width": width, "height": height} for _, width, height in sizes]
        return [self.add(size[0], "photos", "jpg", one, photo).as_json for size, one in zip(sizes, facts, strict=True)]

    def photo(self, file_id: str) -> list[Json]:
        """Return the sizes of a photo that was sent before. Raises the server's 400 when there is none."""
        photo = self._files[file_id].photo if file_id in self._files else ""
        if not photo:
            raise bad_request("wrong file identifier/HTTP URL specified")
        sizes = [file for file in self._files.values() if file.photo == photo]
        for size in sizes:
            self._files.move_to_end(size.file_id)
        return [size.as_json for size in sizes]

    def get(self, file_id: str) -> StoredFile:
        """Return a file by id. Raises the server's 400 for an unknown or too large one."""
        stored = self._files.get(file_id)
        if stored is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        if len(stored.data) > LARGEST_DOWNLOAD:
            raise bad_request("file is too big")
        self._files.move_to_end(file_id)
        return stored

    def by_path(self, path: str) -> StoredFile:
        """Return a file by download path. Raises the server's 404."""
        if path not in self._by_path:
            raise ApiError(404, "Not Found")
        return self._by_path[path]


def _jpeg_sizes(data: bytes) -> list[tuple[bytes, int, int]]:
    try:
        with Image.open(io.BytesIO(data)) as opened:
            if sum(opened.size) > LARGEST_SIDES_SUM or max(opened.size) > 20 * min(opened.size):
                raise bad_request("PHOTO_INVALID_DIMENSIONS")
            is_jpeg = opened.format == "JPEG"
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    sizes: list[tuple[bytes, int, int]] = []
    for side in (THUMBNAIL_SIDE, LARGEST_SIDE):
        scaled = image.copy()
        scaled.thumbnail((side, side))
        if sizes and sizes[-1][1:] == scaled.size:
            break
        unchanged = is_jpeg and scaled.size == image.size
        sizes.append((data if unchanged else _jpeg(scaled), *scaled.size))
    return sizes


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=87)
    return out.getvalue()
