"""A real photograph in the formats that bots send: the portrait that matplotlib ships with its sample data."""

import hashlib
import io
from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image

from sidecar.plugins.images.stores.base import Upload

FORMATS = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
}


@cache
def photograph(kind: str = "JPEG") -> Upload:
    """The photograph; as GIF three frames that pan over it."""
    original = (Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").read_bytes()
    with Image.open(io.BytesIO(original)) as image:
        out = io.BytesIO()
        if kind == "GIF":
            frames = [image.crop((0, top, image.width, top + 400)) for top in (0, 100, 200)]
            frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=200, loop=0)
            size = frames[0].size
        else:
            image.save(out, kind)
            size = image.size
    content = original if kind == "JPEG" else out.getvalue()
    return upload_of(content, *FORMATS[kind], *size)


def upload_of(content: bytes, media_type: str, extension: str, width: int, height: int) -> Upload:
    """What the archiver hands to a store."""
    return Upload(hashlib.sha256(content).hexdigest(), content, media_type, extension, width, height)


class Notes(list[str]):
    """The keys that a store noted."""

    async def take(self, key: str) -> None:
        self.append(key)
