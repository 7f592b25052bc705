"""What a request may take in the sidecar's memory, read from the kernel's own counters of a real process."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from sidecar.inflate import zstd
from sidecar.wire import Origin, encode
from tests.batch_sweep import PROTOBUF
from tests.receivers import SidecarProcess, until

MIB = 1 << 20
JSON = "application/json"
EMPTY_RECORD, EMPTY_RESOURCE = encode(2, b""), encode(1, b"")
# of a request under the booked limit: the body inflated, the piece at hand with its parsed form, and a copy while it is made
PEAK = 160 * MIB


def counter(pid: int, name: str) -> int:
    """A memory counter of /proc/PID/status, in bytes: VmRSS, or VmHWM for the highest it ever was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(value) << 10


async def post(url: str, body: bytes, content_type: str = PROTOBUF) -> int:
    """Send a body by zstd: a few kilobytes on the wire."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        headers = {"Content-Type": content_type, "Content-Encoding": "zstd"}
        async with session.post(f"{url}/v1/logs", data=zstd.compress(body), headers=headers) as answer:
            await answer.read()
            return answer.status


def many(what: str, size: int) -> bytes:
    """A body of a size that takes most memory when parsed."""
    match what:
        case "records":
            return Origin().request(EMPTY_RECORD * (size // 2))
        case "resources":
            return EMPTY_RESOURCE * (size // 2)
        case "resources with records":
            one = Origin().request(EMPTY_RECORD)
            return one * (size // len(one))
        case "elements":
            return Origin().request(encode(2, encode(5, encode(5, EMPTY_RESOURCE * 400_000)))) * (size // 800_000)
    raise ValueError(what)


async def hit(what: str, size: int, at_once: int) -> None:
    with SidecarProcess(PLUGINS="debug") as sidecar:
        url = await sidecar.ready()
        assert await post(url, many("records", 100)) == 200
        before = counter(sidecar.pid, "VmRSS")
        assert await post(url, many(what, size)) == 200
        assert counter(sidecar.pid, "VmHWM") < before + PEAK
        await until(lambda: counter(sidecar.pid, "VmRSS") < before + 30 * MIB)
        # all of them together: what does not fit is sent away to come again, and the process stays as it is
        answers = await asyncio.gather(*(post(url, many(what, size)) for _ in range(at_once)))
        assert set(answers) <= {200, 429}
        assert counter(sidecar.pid, "VmHWM") < before + 2 * PEAK
        await until(lambda: counter(sidecar.pid, "VmRSS") < before + 30 * MIB)


@pytest.mark.parametrize("what", ["records", "elements"])
async def test_a_body_that_is_much_when_parsed(what: str) -> None:
    await hit(what, 2 * MIB, 4)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["records", "resources", "resources with records", "elements"])
async def test_bodies_that_are_much_when_parsed(what: str) -> None:
    await hit(what, 8 * MIB, 30)


async def test_json_of_very_many_values_is_refused() -> None:
    with SidecarProcess(PLUGINS="debug") as sidecar:
        url = await sidecar.ready()
        before = counter(sidecar.pid, "VmRSS")
        records = b",".join([b"{}"] * 2_000_000)
        body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + records + b"]}]}]}"
        assert await post(url, body, JSON) == 413
        assert counter(sidecar.pid, "VmHWM") < before + PEAK
