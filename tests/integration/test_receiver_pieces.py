"""A body that is cut: plugins get its pieces in order, and its sender an answer when all of them are durable."""

import asyncio
import weakref
from typing import Any

import aiohttp
import pytest

from sidecar import pieces
from sidecar.batch import Batch
from sidecar.errors import Retryable
from sidecar.pieces import cut
from sidecar.pipeline import Stage
from tests.batch_sweep import PROTOBUF
from tests.otlp import event, request
from tests.receivers import Recorder, Running, receiving, until

RECORDS = 40
BODY = request(*(event("command", str(number)) for number in range(RECORDS)))


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100_000)
    monkeypatch.setattr(pieces, "RUN_RECORDS", 5)


async def post(running: Running) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.logs, data=BODY, headers={"Content-Type": PROTOBUF}) as answer,
    ):
        return answer.status


def users(batches: list[Batch]) -> list[str]:
    return [one.user_id for batch in batches for one in batch.events(frozenset({"command"}))]


async def test_the_answer_comes_after_the_last_piece() -> None:
    recorder, count = Recorder(), len(list(cut(BODY)))
    assert count >= 3
    recorder.gate.clear()
    async with receiving(Stage("recorder", recorder, True)) as running:
        answers = [asyncio.create_task(post(running)) for _ in range(3)]
        for number in range(1, count + 1):
            await until(lambda number=number: recorder.entered == number)  # type: ignore[misc]
            assert not any(answer.done() for answer in answers)
            recorder.gate.set()
            if number < count:
                recorder.gate.clear()
        assert await asyncio.gather(*answers) == [200] * 3
    assert users(recorder.batches) == [str(number) for number in range(RECORDS)], "each once, in order"


class RefusesOnce(Recorder):
    """Takes one piece, refuses the next, and takes all after that."""

    refused = False

    async def handle(self, batch: Batch) -> None:
        if len(self.batches) == 1 and not self.refused:
            self.refused = True
            raise Retryable("not now")
        await super().handle(batch)


async def test_a_piece_that_is_refused_brings_the_whole_again_under_the_same_tokens() -> None:
    plugin = RefusesOnce()
    async with receiving(Stage("recorder", plugin, True)) as running:
        assert await post(running) == 503
        assert await post(running) == 200
    digests = [batch.digest for batch in plugin.batches]
    assert digests[0] == digests[1], "the piece that was stored before is known by its token"
    assert users(plugin.batches[1:]) == [str(number) for number in range(RECORDS)]
    assert len(set(digests)) == len(list(cut(BODY)))


async def test_one_piece_is_in_memory_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the next is parsed, as only one is booked."""
    seen, held, of = list[weakref.ref[Batch]](), [], Batch.of

    def watched(*given: Any) -> Batch:
        held.append(sum(one() is not None for one in seen))
        batch = of(*given)
        seen.append(weakref.ref(batch))
        return batch

    monkeypatch.setattr(Batch, "of", watched)
    async with receiving(Stage("forgetful", Forgetful(), True)) as running:
        assert await post(running) == 200
    assert held == [0] * len(list(cut(BODY)))


class Forgetful(Recorder):
    """Keeps nothing."""

    async def handle(self, batch: Batch) -> None:
        self.entered += 1


async def test_nothing_without_records_reaches_a_plugin() -> None:
    recorder = Recorder()
    async with (
        receiving(Stage("recorder", recorder, True)) as running,
        aiohttp.ClientSession() as session,
        session.post(running.logs, data=b"\x0a\x00" * 10_000, headers={"Content-Type": PROTOBUF}) as answer,
    ):
        assert answer.status == 200
    assert recorder.entered == 0
