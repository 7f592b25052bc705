"""Landscapes for prompts without an image model: sixteen small images, and a variant of one for every prompt."""

import hashlib
import io
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageOps

CONTENT_TYPE = "image/jpeg"
_SIDE = 560  # of the 640 pixels that each has
_DIRECTORY = Path(__file__).parent / "images"
# The name whose word stands first in the prompt is chosen; the digest of the prompt chooses when there is none.
_PLACES = {
    "space": ("space", "planet", "nebula", "orbit", "ship before"),
    "forest": ("forest", "trees", "grove", "clearing"),
    "sea": ("sea", "island", "lighthouse", "bay", "boat", "ocean"),
    "city": ("city", "street", "café", "roofs", "neon"),
    "desert": ("desert", "canyon", "dune"),
    "mountains": ("mountain", "pass", "valley", "snowy"),
}
_HOURS = {
    "night": ("night", "star", "moon", "neon", "nebula", "northern"),
    "dusk": ("sunset", "dusk", "evening", "golden", "fireflies"),
    "day": ("sunny", "day", "noon", "bright", "dawn", "morning", "mist", "fog", "snow", "winter", "sunrise"),
}


def image_for(prompt: str, seed: int) -> bytes:
    """Return a JPEG: the same for the same prompt and seed, another section, tint or landscape for any other."""
    digest = hashlib.sha256(f"{seed}\x1f{prompt}".encode("utf-8", "replace")).digest()
    place = _chosen(_PLACES, prompt, digest[0])
    image = _landscape(f"{place}_night" if place == "space" else f"{place}_{_chosen(_HOURS, prompt, digest[1])}")
    left, top = (byte * (image.width - _SIDE) // 255 for byte in digest[2:4])
    image = image.crop((left, top, left + _SIDE, top + _SIDE))
    if digest[4] % 2:
        image = ImageOps.mirror(image)
    tint = [round(value * (0.85 + byte / 1700)) for byte in digest[5:8] for value in range(256)]
    out = io.BytesIO()
    image.point(tint).save(out, "JPEG", quality=85, comment=digest[:8].hex())
    return out.getvalue()


def _chosen(names: dict[str, tuple[str, ...]], prompt: str, digest: int) -> str:
    text = prompt.lower()
    found = [(at, name) for name, words in names.items() for word in words if (at := text.find(word)) >= 0]
    return min(found)[1] if found else list(names)[digest % len(names)]


@lru_cache(maxsize=4)  # 1.2 MB each, and 5 ms to read one
def _landscape(name: str) -> Image.Image:
    with Image.open(_DIRECTORY / f"{name}.webp") as image:
        return image.convert("RGB")
