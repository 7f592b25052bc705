"""The offline painter: a layered landscape for each prompt, always the same for the same prompt and seed.

Everything is painted flat or in vertical gradients: it looks like a poster, and a PNG of it stays small.
"""

import asyncio
import hashlib
import io
import random

from PIL import Image

from bot.llm.base import Picture
from bot.llm.canvas import SCALE
from bot.llm.palettes import HOUR_WORDS, HOURS, PLACE_WORDS, by_words
from bot.llm.scenery import Scenery


class OfflinePainter:
    """Paints in a worker thread, without a network."""

    provider = "painter"
    model = "painter-1"

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._one = asyncio.Semaphore(1)  # painting holds the GIL and 10 MB: side by side it is no faster

    async def make(self, prompt: str) -> Picture:
        """Paint what the prompt says, as far as the painter understands it."""
        async with self._one:
            return Picture(await asyncio.to_thread(paint, prompt, self._seed), "image/png")

    async def close(self) -> None:
        """There is nothing to give back."""


def paint(prompt: str, seed: int) -> bytes:
    """Paint a PNG of SIZE by SIZE."""
    digest = hashlib.sha256(f"{seed}\x1f{prompt}".encode("utf-8", "replace")).digest()
    chance = random.Random(digest)
    words = prompt.lower()
    hour = by_words(HOUR_WORDS, words) or chance.choice(list(HOURS))
    place = by_words(PLACE_WORDS, words) or chance.choice(list(PLACE_WORDS))
    scene = Scenery(chance, chance.choice(HOURS["night" if place == "space" else hour]), tower="lighthouse" in words)
    {
        "space": scene.space,
        "forest": scene.forest,
        "sea": scene.sea,
        "city": scene.city,
        "desert": scene.desert,
        "mountains": scene.mountains,
    }[place]()
    picture = scene.image.reduce(SCALE)
    out = io.BytesIO()
    picture.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(out, "PNG", compress_level=6)
    return out.getvalue()
