"""The children that decode images: what they may not do, what they survive, and who replaces them."""

import asyncio
import io
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator

import psutil
import pytest
from PIL import Image

from sidecar.errors import PermanentError, RetryableError
from sidecar.plugins.images.decode.containers import StrippedImage
from sidecar.plugins.images.decode.decoder_pool import DecoderPool
from tests.support.closing import pool_of, running
from tests.support.image_host import image_bytes
from tests.support.sample_images import CANARY, KINDS, chunk, full_of_metadata, unusual

LARGEST = 5_000_000


def children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if "sidecar.plugins.images.decode.child" in " ".join(child.cmdline())
    ]


@pytest.fixture
async def pool() -> AsyncIterator[DecoderPool]:
    async with running(pool_of(max_bytes=LARGEST, decoders=1)) as started:
        yield started
    assert children() == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_photograph(kind: str, pool: DecoderPool) -> None:
    found = await pool.decode(full_of_metadata(kind, frames=3, orientation=6))
    extension = {"JPEG": "jpg"}.get(kind, kind.lower())
    size = (200, 150) if kind == "GIF" else (150, 200)
    assert found == StrippedImage(found.content, f"image/{kind.lower()}", extension, *size, 1 if kind == "JPEG" else 3)
    assert CANARY not in found.content


async def test_unusual_pixels(pool: DecoderPool) -> None:
    first = children()
    for name, content in unusual().items():
        found = await pool.decode(content)
        with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(found.content)) as after:
            assert found.frames == getattr(before, "n_frames", 1), name
            for frame in range(found.frames):
                before.seek(frame)
                after.seek(frame)
                assert before.convert("RGBA").tobytes() == after.convert("RGBA").tobytes(), name
                assert before.info.get("icc_profile") == after.info.get("icc_profile"), name
    assert children() == first


async def test_one_child_for_many_images_two_at_a_time() -> None:
    replaced: list[str] = []
    async with running(pool_of(max_bytes=LARGEST, decoders=2, on_replaced=replaced.append)) as pool:
        images = [image_bytes(kind, (width, 40)) for kind in KINDS for width in range(1, 26)]
        found = await asyncio.gather(*map(pool.decode, images))
        assert [one.width for one in found] == [*range(1, 26)] * 4
        assert len(children()) == 2
    assert not replaced


async def test_a_refusal_costs_no_child(pool: DecoderPool) -> None:
    (child,) = children()
    for content in (b"", b"<html>", image_bytes("PNG")[:-1], image_bytes("JPEG") + b"PK\x03\x04"):
        with pytest.raises(PermanentError, match="image"):
            await pool.decode(content)
    with pytest.raises(PermanentError, match="larger than 5000000 bytes"):
        await pool.decode(bytes(LARGEST + 1))
    assert (await pool.decode(image_bytes())).width == 64
    assert children() == [child]


def png_of(width: int, height: int) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + b"\x08\x02\0\0\0")
        + image_bytes()[33:]
    )


def gif_of(width: int, height: int, frames: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (1, 1)).save(out, "GIF")
    head, frame = re.split(rb"(?=,)", out.getvalue()[:-1], maxsplit=1)
    return head[:6] + width.to_bytes(2, "little") + height.to_bytes(2, "little") + head[10:] + frame * frames + b";"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png_of(65_000, 65_000), "more than 100000000 pixels"),
        (png_of(2**31 - 1, 2**31 - 1), "more than 100000000 pixels"),
        (gif_of(65_535, 65_535, 1), "more than 100000000 pixels"),
        (gif_of(1_000, 1_000, 101), "more than 100000000 pixels, all frames counted"),
        (gif_of(1, 1, 1_001), "more than 1000 frames"),
        (gif_of(1, 1, 100_000), "more than 1000 frames"),
    ],
)
async def test_bombs_are_refused_before_they_are_decoded(content: bytes, reason: str, pool: DecoderPool) -> None:
    first = children()
    with pytest.raises(PermanentError, match=reason):
        await pool.decode(content)
    assert max(child.memory_info().rss for child in children()) < 150 << 20
    assert children() == first


async def test_memory_is_bounded_and_the_next_image_finds_a_fresh_child() -> None:
    large, reasons, memory = image_bytes("JPEG", (6000, 6000)), list[str](), 150 << 20
    async with running(
        pool_of(max_bytes=LARGEST, decoder_memory_bytes=memory, decoders=1, on_replaced=reasons.append)
    ) as pool:
        with pytest.raises(PermanentError, match="takes more than 150 MiB to decode"):
            await pool.decode(large)
        assert (await pool.decode(image_bytes())).width == 64
    assert reasons == ["memory"]
    assert children() == []


def scan_bomb(scans: int) -> bytes:
    """A small progressive JPEG whose last scan comes again and again, each a walk over every block."""
    plain = image_bytes("JPEG", (6000, 6000), progressive=True)
    last = plain.rindex(b"\xff\xda")
    return plain[:-2] + plain[last:-2] * scans + b"\xff\xd9"


async def test_processor_time_is_bounded_by_the_image() -> None:
    reasons: list[str] = []
    async with running(pool_of(max_bytes=LARGEST, cpu_s=1, decoders=1, on_replaced=reasons.append)) as pool:
        with pytest.raises(PermanentError, match="more than 1 s of processor time"):
            await pool.decode(scan_bomb(2000))
        assert (await pool.decode(image_bytes())).width == 64
    assert reasons == ["cpu"]


@pytest.mark.parametrize(
    ("blow", "error", "message", "why"),
    [
        (signal.SIGSTOP, RetryableError, "was not decoded within 1 s", "hung"),
        (signal.SIGKILL, RetryableError, "the process that decodes images ended", "ended"),
        (signal.SIGSEGV, PermanentError, r"crashes the decoder \(SIGSEGV\)", "crashed"),
    ],
)
async def test_a_child_that_fails_at_work(blow: signal.Signals, error: type[Exception], message: str, why: str) -> None:
    reasons: list[str] = []
    async with running(pool_of(max_bytes=LARGEST, decoders=1, timeout_s=1.0, on_replaced=reasons.append)) as pool:
        (child,) = children()
        child.suspend()
        while child.status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 -- another process's state
            await asyncio.sleep(0.01)
        work = asyncio.create_task(pool.decode(image_bytes()))
        await asyncio.sleep(0)  # now the image is in the pipe
        child.send_signal(blow)
        if blow == signal.SIGSEGV:  # a stopped process takes only the others
            child.resume()
        with pytest.raises(error, match=message):
            await work
        assert (await pool.decode(image_bytes())).width == 64
    assert reasons == [why]
    assert children() == []


async def test_a_child_that_died_idle_is_not_noticed_by_anybody(pool: DecoderPool) -> None:
    (child,) = children()
    (process,) = pool._children
    child.kill()
    await process.wait()
    assert (await pool.decode(image_bytes())).width == 64


async def test_a_caller_that_gives_up_leaves_a_whole_pool(pool: DecoderPool) -> None:
    (child,) = children()
    child.suspend()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pool.decode(image_bytes()), 0.2)
    assert (await pool.decode(image_bytes("GIF"))).media_type == "image/gif"
    assert child not in children()


async def test_closing_under_way() -> None:
    pool = pool_of(max_bytes=LARGEST, decoders=1)
    await pool.close()
    await pool.start()
    children()[0].suspend()
    work = asyncio.create_task(pool.decode(image_bytes()))
    await asyncio.sleep(0)  # now the image is in the pipe
    await pool.close()
    await pool.close()
    with pytest.raises(RetryableError, match="closed"):
        await work
    with pytest.raises(RetryableError, match="closed"):
        await pool.decode(image_bytes())
    assert children() == []


async def test_a_child_knows_no_secret_and_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATTRAIL_SIDECAR_CLICKHOUSE_URL", "http://default:CANARY@127.0.0.1/")
    async with running(pool_of(max_bytes=LARGEST, decoders=1)) as pool:
        await pool.decode(image_bytes())
        (child,) = children()
        assert child.environ() == {}
        assert child.open_files() == []
        assert child.num_fds() == 3
        assert child.rlimit(psutil.RLIMIT_AS) == (1 << 30, 1 << 30)
        assert child.rlimit(psutil.RLIMIT_NOFILE) == (3, 3)


def test_a_decoder_taken_over_opens_no_socket_and_no_file() -> None:
    """What the child does before its first image, then what an attacker in it would try."""
    attempts = textwrap.dedent("""
        import os, resource, socket
        from sidecar.plugins.images.decode.child import lock_down
        from sidecar.plugins.images.decode.limits import Limits
        lock_down(Limits())
        def dup(): os.dup(0)
        for attempt in (socket.socket, socket.socketpair, os.pipe, dup, lambda: open("/etc/hostname"),
                        lambda: open("/tmp/x", "w"), lambda: bytearray(2 << 30)):
            try:
                attempt()
            except (OSError, MemoryError) as error:
                print(type(error).__name__, getattr(error, "errno", ""))
            else:
                print("OPENED")
    """)
    done = subprocess.run([sys.executable, "-c", attempts], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n")[:-1] == ["OSError 24"] * 6 + ["MemoryError "]


def test_decoders_need_no_thread_and_no_process() -> None:
    """Root may always have more of them, so root becomes nobody first."""
    program = textwrap.dedent("""
        import os, threading
        from sidecar.plugins.images.decode.child import lock_down
        from sidecar.plugins.images.decode.child import decode
        from sidecar.plugins.images.decode.limits import Limits
        from tests.support.sample_images import KINDS, full_of_metadata
        images = [full_of_metadata(kind, frames=2, lossless=True) for kind in KINDS]
        if os.getuid() == 0:
            os.setresuid(65534, 65534, 65534)
        lock_down(Limits())
        for attempt in (os.fork, threading.Thread(target=print).start):
            try:
                attempt()
            except (OSError, RuntimeError) as error:
                print(type(error).__name__)
        print([decode(image, Limits()).frames for image in images])
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n") == ["BlockingIOError", "RuntimeError", "[1, 2, 2, 2]", ""]
