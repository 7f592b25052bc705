"""How many images a second the archiver keeps, and in how much memory: three stores and three formats.

    python -m benchmarks.bench_images

All is real and on this machine: a sidecar, ClickHouse, a host that images are fetched from, and the store: a folder, the
simulated Cloudflare (no limit on requests), or rclone's S3. Images wait as events tell of them; the time runs until the
last is stored. Processor time per image tells where it goes, and what a machine with more cores would do.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp

from benchmarks import images
from benchmarks.report import report
from tests.support.embedded import EmbeddedClickHouse
from tests.support.s3_server import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server

AIM = 150
WARM_UP = 100
CASES = (
    ("directory", "JPEG", 1000),
    ("cloudflare_images", "JPEG", 1000),
    ("s3", "JPEG", 1000),
    ("directory", "WEBP", 500),
    ("cloudflare_images", "WEBP", 500),
    ("directory", "PNG", 200),
    ("cloudflare_images", "PNG", 200),
)


@contextlib.asynccontextmanager
async def store(name: str, folder: Path) -> AsyncIterator[tuple[dict[str, str], int | None]]:
    """Run a store; the sidecar's settings for it, and its process."""
    if name == "cloudflare_images":
        # a time that runs fast lifts the limit: 1,200 requests in 0.3 s
        command = [sys.executable, "-m", "stack.simulators.cloudflare", "--port", "0", "--speed", "1000"]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        words = (await process.stdout.readline()).decode().split()
        settings = {
            "IMAGES_STORE": name,
            "IMAGES_CLOUDFLARE_API_URL": words[words.index("on") + 1].rstrip(","),
            "IMAGES_CLOUDFLARE_ACCOUNT_ID": words[-1],
            "IMAGES_CLOUDFLARE_API_TOKEN": "cloudflare-test-token",
            "IMAGES_CLOUDFLARE_REQUESTS": "0",
        }
        yield settings, process.pid
        process.terminate()
        await process.wait()
    elif name == "s3":
        async with S3Server(folder / "s3") as server:
            yield (
                {
                    "IMAGES_STORE": name,
                    "IMAGES_S3_BUCKET": BUCKET,
                    "IMAGES_S3_ENDPOINT": server.url,
                    "IMAGES_S3_ACCESS_KEY_ID": ACCESS_KEY,
                    "IMAGES_S3_SECRET_ACCESS_KEY": SECRET_KEY,
                },
                server.pid,
            )
    else:
        yield {}, None


async def measure(clickhouse: EmbeddedClickHouse, folder: Path, name: str, kind: str, count: int) -> list[str]:
    """One case; its row."""
    with clickhouse.fresh_database() as database, images.hosting(kind, WARM_UP + count) as host:
        async with (
            store(name, folder) as (settings, store_pid),
            images.sidecar(clickhouse.dsn(database), folder, **settings) as (process, address),
            aiohttp.ClientSession() as session,
        ):
            urls = [f"{host.url}/{number}" for number in range(WARM_UP + count)]
            await images.send(session, address, images.announce(urls[:WARM_UP]))
            await images.ended(folder, WARM_UP)
            decoders = [child.pid for child in images.children_of(process.pid)]
            parts = {"sidecar": [process.pid], "decoders": decoders, "store": [store_pid] if store_pid else [],
                     "host": [host.pid], "ClickHouse": [clickhouse.pid]}  # fmt: skip
            before, memory = cpu(parts), images.resident(process.pid)
            began = time.perf_counter()
            await images.send(session, address, images.announce(urls[WARM_UP:]))
            await images.ended(folder, WARM_UP + count)
            took = time.perf_counter() - began
            used = {part: 1000 * (seconds - before[part]) / count for part, seconds in cpu(parts).items()}
            after = images.resident(process.pid)
        size = f"{host.mean_bytes / 1000:,.0f}"
        own = used["sidecar"] + used["decoders"]
        return [name, kind, size, f"{count / took:,.0f}", f"{count / took / AIM:.2f}", f"{memory:.0f} → {after:.0f}",
                f"{own:.1f}", *(f"{milliseconds:.1f}" for milliseconds in used.values())]  # fmt: skip


def cpu(parts: dict[str, list[int]]) -> dict[str, float]:
    """Processor seconds so far, by part."""
    return {part: sum(map(images.cpu_of, pids)) for part, pids in parts.items()}


async def main() -> None:
    """Measure and report."""
    machine = images.machine()
    rows = []
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place,
        EmbeddedClickHouse(Path(place)) as clickhouse,
    ):
        for number, case in enumerate(CASES):
            rows.append(await measure(clickhouse, Path(place) / str(number), *case))
            print(*rows[-1], flush=True)
    columns = ("store", "format", "kB", "images/s", f"× {AIM}", "MB before → after", "archiver CPU ms", "sidecar",
               "decoders", "store's", "host's", "ClickHouse's")  # fmt: skip
    notes = (
        f"{images.SIDE} x {images.SIDE} pixels, each image different, after {WARM_UP} to warm up. Memory is the"
        " sidecar's with its decoders. CPU is of all processes on this machine, in ms an image, so all of them share its"
        f" cores. {machine}"
    )
    report("Archiving images", "python -m benchmarks.bench_images", columns, rows, notes)


if __name__ == "__main__":
    asyncio.run(main())
