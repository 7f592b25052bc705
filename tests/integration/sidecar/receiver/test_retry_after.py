"""Retry-After of the real receiver follows the load: a slower sink gives longer waits, a starting plugin its next try."""

import asyncio
from collections import Counter
from functools import partial

import aiohttp

from sidecar.errors import RetryableError
from sidecar.otlp.batch import Batch
from sidecar.pipeline.pipeline import Stage
from sidecar.receiver.responses import PROTOBUF
from tests.support import otlp
from tests.support.receivers import Recorder, receiving, until

BODIES = [
    otlp.request(otlp.event("user_message", at=number + 1, attributes={"text": "x" * 30_000})) for number in range(24)
]
narrow = partial(receiving, max_body_bytes=40_000, max_inflated_bytes=40_000, max_in_flight_bytes=100_000)


class Slow(Recorder):
    """Stores one batch after another, each in its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._one = asyncio.Lock()

    async def handle(self, batch: Batch) -> None:
        async with self._one:
            await asyncio.sleep(self._seconds)  # the work of this sink
        await super().handle(batch)


async def waits(seconds: float) -> list[int]:
    """Send all bodies at once, after the sink has shown how fast it is; the Retry-After of those that had no room."""
    async with narrow(Stage("sink", Slow(seconds), True)) as running, aiohttp.ClientSession() as session:

        async def post(body: bytes) -> tuple[int, int]:
            async with session.post(running.logs, data=body, headers={"Content-Type": PROTOBUF}) as answer:
                return answer.status, int(answer.headers.get("Retry-After", 0))

        for body in BODIES[:2]:
            assert (await post(body))[0] == 200
        answers = await asyncio.gather(*(post(body) for body in BODIES[2:]))
    statuses = Counter(status for status, _ in answers)
    assert statuses.keys() == {200, 429}
    assert statuses[429] >= 15
    return sorted(after for status, after in answers if status == 429)


async def test_a_slower_sink_gives_longer_waits() -> None:
    fast, slow = await waits(0.01), await waits(0.5)
    assert fast[len(fast) // 2] <= 2
    assert slow[len(slow) // 2] >= 2 * fast[len(fast) // 2]
    assert max(slow) <= 60
    assert len(set(slow)) > 3, "they do not all get the same"


async def test_while_a_plugin_starts_senders_are_told_when_it_is_tried_again() -> None:
    recorder = Recorder()
    recorder.start_raises = [RetryableError("the database is away", after=30)]
    async with (
        receiving(Stage("sink", recorder, True), wait=False) as running,
        aiohttp.ClientSession() as session,
    ):
        await until(lambda: running.pipeline.reasons()["sink"] == "the database is away")
        async with session.post(running.logs, data=BODIES[0], headers={"Content-Type": PROTOBUF}) as answer:
            assert answer.status == 503
            assert 28 <= int(answer.headers["Retry-After"]) <= 46
