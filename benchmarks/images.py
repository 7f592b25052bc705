"""A host of photographs as a process of its own, and a sidecar that archives them; for the benchmarks of images.

python -m benchmarks.images KIND COUNT
"""

import asyncio
import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import psutil
from aiohttp import web
from PIL import Image

from sidecar.receiver.responses import PROTOBUF
from tests.support.otlp import event, request
from tests.support.receivers import SidecarProcess
from tests.support.sample_images import photograph

SIDE = 1024
OPTIONS = {"JPEG": {"quality": 90}, "WEBP": {"quality": 80, "method": 0}, "PNG": {"compress_level": 3}}


def photographs(kind: str, count: int) -> list[bytes]:
    """So many different ones of SIDE x SIDE: pieces of one with a sensor's noise, for without it a file is too small."""
    margin = 64
    plain = np.asarray(photograph(SIDE + margin, SIDE + margin), dtype=np.int16)
    noise = np.random.default_rng(1).normal(0, 3, plain.shape)
    whole = Image.fromarray(np.clip(plain + noise, 0, 255).astype(np.uint8))
    found = []
    for number in range(count):
        left, top = number % margin, number // margin
        out = io.BytesIO()
        whole.crop((left, top, left + SIDE, top + SIDE)).save(out, kind, **OPTIONS[kind])
        found.append(out.getvalue())
    return found


async def serve(kind: str, count: int) -> None:
    """Host them under their numbers until standard input ends; says where, and how large they are."""
    files = photographs(kind, count)

    async def file(asked: web.Request) -> web.Response:
        return web.Response(body=files[int(asked.match_info["number"])], content_type="image/jpeg")

    app = web.Application()
    app.router.add_get("/{number:[0-9]+}", file)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    where = f"http://127.0.0.1:{runner.addresses[0][1]}"
    print(json.dumps([where, sum(map(len, files)) / count]), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Host:
    """A running host."""

    url: str
    mean_bytes: float
    pid: int


@contextlib.contextmanager
def hosting(kind: str, count: int) -> Iterator[Host]:
    """Run a host."""
    command = [sys.executable, "-m", "benchmarks.images", kind, str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url, mean = json.loads(process.stdout.readline())
        yield Host(url, mean, process.pid)
        process.stdin.close()


@contextlib.asynccontextmanager
async def sidecar(database: str, folder: Path, **settings: str) -> AsyncIterator[tuple[SidecarProcess, str]]:
    """Run a sidecar that may fetch from this machine; its address."""
    given = {
        "CLICKHOUSE_URL": database,
        "DATA": str(folder / "data"),
        "IMAGES_DIRECTORY": str(folder / "pictures"),
        "IMAGES_LOOPBACK_HOSTS": "127.0.0.1",
        **settings,
    }
    with SidecarProcess(**given) as process:
        yield process, await process.ready()
        await asyncio.to_thread(process.end)


def announce(urls: list[str]) -> bytes:
    """A request with an event for each image."""
    return request(
        *(event("image_generated", str(number % 97), {"chattrail.image.url": url}) for number, url in enumerate(urls))
    )


async def send(session: aiohttp.ClientSession, address: str, body: bytes) -> None:
    """Send a request until it is acknowledged."""
    while True:
        async with session.post(f"{address}/v1/logs", data=body, headers={"Content-Type": PROTOBUF}) as answer:
            if answer.status == 200:
                return
            assert answer.status == 503, answer.status
        await asyncio.sleep(0.05)


def states(folder: Path) -> dict[str, int]:
    """How many jobs the journal has in each state."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/data/images/journal.sqlite?mode=ro", uri=True)) as journal:
        return dict(journal.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())


async def ended(folder: Path, count: int, within_s: float = 600.0) -> None:
    """Wait until so many jobs have ended well; any other end is a fault of the benchmark."""
    deadline = time.monotonic() + within_s
    while (found := await asyncio.to_thread(states, folder)).get("stored", 0) < count:
        assert "failed" not in found, found
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.02)


def cpu_of(pid: int) -> float:
    """Processor seconds of a process, those of its children not counted."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


def children_of(pid: int) -> list[psutil.Process]:
    """What a process has started, and so on."""
    return psutil.Process(pid).children(recursive=True)


def resident(pid: int) -> float:
    """Megabytes in memory of a process and its children."""
    return sum(member.memory_info().rss for member in (psutil.Process(pid), *children_of(pid))) / 1e6


def machine() -> str:
    """How busy the machine is before it is measured, for a report to tell."""
    said = f"Load of the machine before: {os.getloadavg()[0]:.1f}"
    if hasattr(os, "SCHED_IDLE") and os.sched_getscheduler(0) == os.SCHED_IDLE:
        said += "; **measured at idle priority beside other work, so every time is an upper bound**"
    return f"{said}."


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))
