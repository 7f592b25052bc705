"""What strangers send, through the whole archiver: every job ends, with its reason, and nothing stored holds metadata."""

import asyncio
from typing import Any

from sidecar.telemetry import metrics as telemetry
from stack.simulators.telegram.server import TelegramServer
from tests.support.archives import Archive, generated
from tests.support.attacks import BODIES
from tests.support.canary import raw_host
from tests.support.image_host import image_bytes
from tests.support.sample_images import CANARY, KINDS, full_of_metadata


async def test_photographs_are_stored_without_metadata(archive: Archive) -> None:
    async with archive.archiver() as archiver:
        for kind in KINDS:
            await archiver.handle(generated(data=full_of_metadata(kind, orientation=6, frames=2)))
        rows = {row["content_type"]: row for row in await archive.ended(4)}
    for kind in KINDS:
        row = rows[f"image/{kind.lower()}"]
        stored = (archive.images / row["key"]).read_bytes()
        assert CANARY not in stored
        assert (row["status"], row["bytes"]) == ("stored", len(stored))
        assert (row["width"], row["height"]) == ((200, 150) if kind == "GIF" else (150, 200))


async def test_the_same_photograph_with_other_metadata_is_stored_once(archive: Archive) -> None:
    async with archive.archiver() as archiver:
        for comment in (b"one", b"another"):
            await archiver.handle(generated(data=image_bytes("JPEG", comment=comment)))
        rows = await archive.ended(2)
    assert rows[0]["key"] == rows[1]["key"]


async def test_hosts_that_misbehave_hold_up_no_other_image(archive: Archive) -> None:
    """RELIABILITY 24, 29, 30: bombs, trickles, bodies without end, resets, a file that Telegram no longer has."""
    async with (
        raw_host(b"HTTP/1.1 200 OK\r\n\r\n", b"x") as trickle,
        raw_host(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", reset=True) as reset,
        raw_host(BODIES["gzip"][0]) as bomb,
        raw_host(b"HTTP/1.1 200 OK\r\n\r\n", bytes(1 << 20)) as endless,
        raw_host(BODIES["a page in a JPEG"][0]) as page,
        TelegramServer(token="42:CANARY") as telegram,
    ):
        sources: list[dict[str, Any]] = [
            {"url": url} for url in (trickle, reset, bomb, endless, page, "https://169.254.169.254/")
        ]
        sources += [{"file_id": "stale"}, {"data": b"<svg/>"}, {"data": full_of_metadata("PNG")[:-90]}]
        options: dict[str, Any] = {
            "telegram_token": "42:CANARY",
            "telegram_api_url": telegram.url,
            "timeout_s": 0.5,
            "attempts": 2,
        }
        async with archive.archiver(**options, max_bytes=3 << 20, concurrency=4) as archiver:
            await asyncio.gather(
                *(archiver.handle(generated(**source)) for source in [*sources, {"data": image_bytes()}])
            )
            rows = await archive.ended(len(sources) + 1)
    reasons = sorted(row["reason"] for row in rows if row["status"] == "failed")
    assert [row["status"] for row in rows].count("stored") == 1
    assert reasons == [
        "Telegram refused the file: Bad Request: wrong file_id or the file is temporarily unavailable "
        "(given up after 2 tries)",
        "the bytes are not a JPEG, PNG, WebP or GIF image",
        "the image did not arrive within 0.5 s (given up after 2 tries)",
        "the image is a page, a script or a PDF as well",
        "the image is cut short: a PNG without its end",
        "the image is larger than 3145728 bytes",
        "the image's host can't be reached (ClientPayloadError) (given up after 2 tries)",
        "the image's host has an address that is not public (link-local)",
        "the image's host sent it compressed, though it was asked not to",
    ]
    assert archive.metrics.value(telemetry.IMAGES_FAILED, source="url") == 6
    assert "CANARY" not in str(rows).replace("CANARY.png", "")
