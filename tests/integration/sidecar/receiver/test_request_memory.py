"""What a request may take in the sidecar's memory, read from the kernel's own counters of a real process."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from backports import zstd

from sidecar.errors import PermanentError, RetryableError
from sidecar.memory import Trimmer
from sidecar.otlp.batch import Batch
from sidecar.otlp.pieces import Piece
from sidecar.otlp.salvage import Salvaged
from sidecar.otlp.wire import Origin, encode
from sidecar.pipeline.pipeline import Stage
from sidecar.receiver import decoding
from sidecar.receiver.decoding import Decoder, Decoding
from sidecar.receiver.responses import RefusedError
from tests.support.batch_sweep import PROTOBUF
from tests.support.receivers import Recorder, SidecarProcess, receiving, until

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
    """Send a body by zstd, a few kilobytes on the wire; the answer's status."""
    return (await answer(url, body, content_type))[0]


async def insist(url: str, body: bytes) -> list[int]:
    """Send a body until it is not sent away any more, as often as a sender would; the statuses."""
    statuses: list[int] = []
    while not statuses or statuses[-1] == 429:
        status, wait_s = await answer(url, body)
        statuses.append(status)
        await asyncio.sleep(wait_s)
    return statuses


async def answer(url: str, body: bytes, content_type: str = PROTOBUF) -> tuple[int, float]:
    """The status of the answer and its Retry-After."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        headers = {"Content-Type": content_type, "Content-Encoding": "zstd"}
        async with session.post(f"{url}/v1/logs", data=zstd.compress(body), headers=headers) as response:
            await response.read()
            return response.status, float(response.headers.get("Retry-After", "0"))


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


def distinct(body: bytes, number: int) -> bytes:
    """The same records with another mark before them: one who sends the same waits for the one before."""
    return Origin(encode(1, encode(1, encode(1, b"number%d" % number)))).request(EMPTY_RECORD) + body


async def hit(what: str, size: int, at_once: int) -> None:
    with SidecarProcess(PLUGINS="debug") as sidecar:
        url = await sidecar.ready()
        assert await post(url, many("records", 100)) == 200
        before = counter(sidecar.pid, "VmRSS")
        assert await post(url, many(what, size)) == 200
        assert counter(sidecar.pid, "VmHWM") < before + PEAK
        await until(lambda: counter(sidecar.pid, "VmRSS") < before + 30 * MIB)
        # all of them together: what does not fit is sent away and taken when it comes again, and the process stays as it is
        body = many(what, size)
        answers = await asyncio.gather(*(insist(url, distinct(body, number)) for number in range(at_once)))
        assert [200] in answers, "not all are sent away"
        assert {status for statuses in answers for status in statuses[:-1]} <= {429}
        assert {statuses[-1] for statuses in answers} == {200}, "each is taken in the end"
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


def bad_json(what: str, size: int) -> bytes:
    """OTLP/JSON with a fault in every record, or as a whole."""
    record = b'{"flags":"x","body":{"stringValue":"' + b"y" * 1000 + b'"}}'
    records = b",".join([record] * (size // len(record)))
    whole = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + records + b"]}]}]}"
    return {"records": whole, "cut off": whole[:-4]}[what]


@pytest.mark.parametrize(("what", "status"), [("records", 200), ("cut off", 400)])
async def test_memory_comes_back_after_bad_bodies(what: str, status: int) -> None:
    with SidecarProcess(PLUGINS="debug") as sidecar:
        url = await sidecar.ready()
        assert await post(url, many("records", 100)) == 200
        before = counter(sidecar.pid, "VmRSS")
        for size in (16 * MIB, 15 * MIB):
            assert await post(url, bad_json(what, size), JSON) == status
        await until(lambda: counter(sidecar.pid, "VmRSS") < before + 30 * MIB)


NOTHING = b"\x0f" * 300_000  # neither protobuf nor JSON


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status", "least"),
    [
        (NOTHING, PROTOBUF, "identity", 400, 300_000),
        (zstd.compress(NOTHING), PROTOBUF, "zstd", 400, 300_000),
        (zstd.compress(NOTHING), JSON, "zstd", 400, 300_000),
        (zstd.compress(NOTHING)[:-1], JSON, "zstd", 400, 300_000),
        (zstd.compress(NOTHING * 2), PROTOBUF, "zstd", 413, 500_000),
        (zstd.compress(b"[" * 400_000), JSON, "zstd", 413, 400_000),
        (NOTHING, JSON, "chunked", 413, 100_000),
        (zstd.compress(many("records", 100_000)), PROTOBUF, "zstd", 503, 100_000),
    ],
    ids=[
        "no protobuf",
        "no protobuf inflated",
        "no JSON",
        "cut off",
        "inflates too far",
        "too many values",
        "too long",
        "refused",
    ],
)
async def test_memory_is_given_back_however_a_request_ends(
    monkeypatch: pytest.MonkeyPatch, body: bytes, content_type: str, encoding: str, status: int, least: int
) -> None:
    freed: list[int] = []
    monkeypatch.setattr(Trimmer, "freed", lambda _, amount: freed.append(amount))
    monkeypatch.setattr(decoding, "MOST_JSON_VALUES", 100_000)
    recorder = Recorder()
    recorder.raises = RetryableError("not now")
    longest: dict[str, Any] = {"max_body_bytes": 200_000} if encoding == "chunked" else {}
    headers = {"Content-Type": content_type} | ({"Content-Encoding": encoding} if encoding == "zstd" else {})

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 50_000):
            yield body[at : at + 50_000]

    async with (
        receiving(Stage("recorder", recorder, True), max_inflated_bytes=500_000, **longest) as running,
        aiohttp.ClientSession() as session,
        session.post(running.logs, data=chunks() if longest else body, headers=headers) as answer,
    ):
        assert answer.status == status
    assert sum(freed) >= least


def held() -> list[object]:
    """What there is of requests in this process."""
    return [one for one in gc.get_objects() if isinstance(one, (Salvaged, Decoding, Piece, Batch))]


class Failing(Recorder):
    """A plugin that raises a new exception for each batch, and keeps none."""

    def __init__(self, error: Callable[[], Exception] | None) -> None:
        super().__init__()
        self._error = error

    async def handle(self, batch: Batch) -> None:
        await asyncio.sleep(0)
        if self._error is not None:
            raise self._error()


NO_ROOM = partial(RefusedError, 429, "no room")
LARGE = many("records", 400_000)  # three pieces


@pytest.mark.parametrize(
    ("error", "body", "content_type", "status"),
    [
        (None, many("records", 1000), PROTOBUF, 200),
        (partial(RetryableError, "not now"), many("records", 1000), PROTOBUF, 503),
        (partial(PermanentError, "never"), many("records", 1000), PROTOBUF, 400),
        (partial(ValueError, "unforeseen"), many("records", 1000), PROTOBUF, 503),
        (partial(RetryableError, "not now"), LARGE, PROTOBUF, 503),
        (partial(PermanentError, "never"), LARGE, PROTOBUF, 400),
        (NO_ROOM, LARGE, PROTOBUF, 429),
        (partial(RetryableError, "not now"), bad_json("records", 5000), JSON, 503),
        (None, b"\x0f" * 1000, PROTOBUF, 400),
    ],
)
async def test_nothing_of_a_request_waits_for_the_garbage_collector(
    monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception] | None, body: bytes, content_type: str, status: int
) -> None:
    def no_room_for_pieces(_decoder: Decoder, _reservation: object, amount: int) -> None:
        if amount > len(body):
            raise NO_ROOM()

    if error is NO_ROOM:
        monkeypatch.setattr(Decoder, "book", no_room_for_pieces)
    required, optional = Failing(None if error is NO_ROOM else error), Failing(partial(ValueError, "unforeseen"))

    async def send() -> int:
        async with session.post(running.logs, data=body, headers={"Content-Type": content_type}) as answer:
            return answer.status

    async with (
        receiving(Stage("required", required, True), Stage("optional", optional, False)) as running,
        aiohttp.ClientSession() as session,
    ):
        gc.collect()
        before = len(held())  # of other tests, whose logs pytest keeps
        gc.disable()
        try:
            # the same bytes at the same time: the second waits for the work of the first
            assert set(await asyncio.gather(send(), send())) == {status}
            await until(lambda: len(held()) == before, within_s=5)
        finally:
            gc.enable()
