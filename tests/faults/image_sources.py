"""Where the images of a run come from: bytes in the events, hosts well-behaved and not, Telegram; bombs among them."""

import contextlib
import io
import random
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from PIL import Image

from stack.simulators.telegram.server import TelegramServer
from tests.faults.image_load import Bad, as_bytes, noise, pool
from tests.support.attacks import BODIES
from tests.support.canary import raw_host
from tests.support.image_host import ImageHost, send_to_telegram
from tests.support.sample_images import chunk

PIXELS = "50000000"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a load draws from, and the sidecar's settings for it."""

    good: list[tuple[dict[str, Any], bytes]]
    bad: list[Bad]
    settings: dict[str, str]


@contextlib.asynccontextmanager
async def running_sources(name: str, seed: int, events: int) -> AsyncIterator[Sources]:
    """Start what the sources need."""
    images = pool(seed, events)
    async with contextlib.AsyncExitStack() as stack:
        if name == "bytes":
            yield Sources(as_bytes(images), [], {})
            return
        host = await stack.enter_async_context(ImageHost())
        good = as_bytes(images[::2])
        for number, content in enumerate(images[1::2]):
            host.files[f"{number}.png"] = content
            good.append(({"url": host.address(f"files/{number}.png")}, content))
        if name == "bombs":
            gzipped = await stack.enter_async_context(raw_host(BODIES["gzip"][0]))
            endless = await stack.enter_async_context(raw_host(b"HTTP/1.1 200 OK\r\n\r\n", bytes(1 << 20)))
            bad = [Bad({"data": content}, reason) for content, reason in bombs()]
            bad += [Bad({"url": gzipped}, "compressed"), Bad({"url": endless}, "larger than")]
            yield Sources(good, bad, {"IMAGES_MAX_PIXELS": PIXELS, "IMAGES_MAX_BYTES": str(4 << 20)})
        elif name == "hosts":
            trickle = await stack.enter_async_context(raw_host(b"HTTP/1.1 200 OK\r\n\r\n", b"x"))
            reset = await stack.enter_async_context(
                raw_host(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", reset=True)
            )
            endless = await stack.enter_async_context(raw_host(b"HTTP/1.1 200 OK\r\n\r\n", bytes(1 << 20)))
            silent = await stack.enter_async_context(raw_host(b"", b""))
            bad = [
                Bad({"url": trickle}, "did not arrive within 1 s"),
                Bad({"url": silent}, "did not arrive within 1 s"),
                Bad({"url": reset}, "can't be reached"),
                Bad({"url": endless}, "larger than"),
            ]
            yield Sources(good, bad, {"IMAGES_MAX_BYTES": str(4 << 20)})
        else:
            telegram = await stack.enter_async_context(TelegramServer(token="42:TEST"))
            chance = random.Random(seed)
            for content in (noise(chance, "JPEG") for _ in range(5)):  # Telegram makes any photo one
                good.append(({"file_id": await send_to_telegram(telegram, content)}, content))
            bad = [Bad({"file_id": f"stale-{number}"}, "wrong file_id") for number in range(5)]
            given = {"IMAGES_TELEGRAM_TOKEN": "42:TEST", "IMAGES_TELEGRAM_API_URL": telegram.url}
            yield Sources(good, bad, given)


def bombs() -> list[tuple[bytes, str]]:
    """Small files that are large images, each with what it is refused for."""
    squeezed = zlib.compressobj(9)
    line = bytes(1 + 20_000)
    rows = b"".join(squeezed.compress(line) for _ in range(3000)) + squeezed.flush()
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 3000, 8, 0, 0, 0, 0))
    frames = [Image.new("P", (8, 8), number % 7) for number in range(1200)]
    for number, frame in enumerate(frames):
        frame.putpixel((number % 8, number // 8 % 8), 200)
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:], duration=20)
    return [
        (png + chunk(b"IDAT", rows) + chunk(b"IEND", b""), f"more than {PIXELS} pixels"),
        (gif.getvalue(), "more than 1000 frames"),
    ]
