"""A body that is cut: plugins get its pieces in order, and its sender an answer when all of them are durable."""

import asyncio
import json
import weakref
from typing import Any

import aiohttp
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from sidecar.errors import RetryableError
from sidecar.otlp import pieces
from sidecar.otlp.batch import Batch
from sidecar.otlp.pieces import cut
from sidecar.pipeline.pipeline import Stage
from sidecar.receiver.responses import JSON
from sidecar.telemetry.metrics import COALESCED, IN_FLIGHT_BYTES
from tests.support.batch_sweep import PROTOBUF
from tests.support.otlp import event, request
from tests.support.receivers import Recorder, Running, receiving, until

RECORDS = 40
PEOPLE = [str(number) for number in range(RECORDS)]
BODY = request(*(event("command", person) for person in PEOPLE))


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100_000)
    monkeypatch.setattr(pieces, "RUN_RECORDS", 5)


async def post(running: Running, body: bytes = BODY, content_type: str = PROTOBUF) -> int:
    return (await answer(running, body, content_type))[0]


async def answer(running: Running, body: bytes = BODY, content_type: str = PROTOBUF) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(running.logs, data=body, headers={"Content-Type": content_type}) as response,
    ):
        return response.status, await response.read()


def users(batches: list[Batch]) -> list[str]:
    return [one.user_id for batch in batches for one in batch.events(frozenset({"command"}))]


async def test_the_answer_comes_after_the_last_piece() -> None:
    recorder, count = Recorder(), len(list(cut(BODY)))
    assert count >= 3
    recorder.latch.clear()
    async with receiving(Stage("recorder", recorder, True)) as running:
        answers = [asyncio.create_task(post(running)) for _ in range(3)]
        for number in range(1, count + 1):
            await until(lambda number=number: recorder.entered == number)  # type: ignore[misc]
            assert not any(answer.done() for answer in answers)
            recorder.latch.set()
            if number < count:
                recorder.latch.clear()
        assert await asyncio.gather(*answers) == [200] * 3
    assert users(recorder.batches) == PEOPLE, "each once, in order"


class RefusesOnce(Recorder):
    """Takes some batches, refuses the next once, and takes all after that. It rejects a record of each."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after: int | None = after

    async def handle(self, batch: Batch) -> None:
        if len(self.batches) == self._after:
            self._after = None
            raise RetryableError("not now")
        await super().handle(batch)
        batch.rejected["a reason"] += 1


async def test_a_body_of_which_a_piece_was_refused_goes_on_there_when_it_is_sent_again() -> None:
    plugin, count = RefusesOnce(2), len(list(cut(BODY)))
    async with receiving(Stage("recorder", plugin, True)) as running:
        assert await post(running) == 503
        status, body = await answer(running)
    assert (status, users(plugin.batches)) == (200, PEOPLE), "each piece once"
    said = ExportLogsServiceResponse.FromString(body).partial_success
    assert said.rejected_log_records == count, "what was rejected of the pieces before is counted, too"


async def test_another_process_begins_anew_under_the_same_tokens() -> None:
    plugin = RefusesOnce(1)
    async with receiving(Stage("recorder", plugin, True)) as running:
        assert await post(running) == 503
    async with receiving(Stage("recorder", plugin, True)) as running:
        assert await post(running) == 200
    first, *others = [batch.digest for batch in plugin.batches]
    assert first == others[0], "the piece that was stored before is known by its token"
    assert len(set(others)) == len(list(cut(BODY)))


async def test_what_can_not_be_read_is_kept_once_when_a_body_goes_on_behind_its_pieces() -> None:
    records: list[dict[str, object]] = [{"eventName": f"chattrail.command{number}"} for number in range(RECORDS)]
    records[7] = {"timeUnixNano": "never"}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True)) as running:
        assert await post(running, body, JSON) == 200
    last = RefusesOnce(len(recorder.batches) - 1)
    async with receiving(Stage("recorder", last, True)) as running:
        assert await post(running, body, JSON) == 503
        assert await post(running, body, JSON) == 200
    assert [batch.digest for batch in last.batches] == [batch.digest for batch in recorder.batches]
    assert [len(batch.unreadable) for batch in last.batches][-1] == 1


async def test_work_that_ended_when_nobody_waited_any_more_is_not_done_again() -> None:
    recorder, count = Recorder(), len(list(cut(BODY)))
    recorder.latch.clear()
    async with receiving(Stage("recorder", recorder, True)) as running:
        for _ in range(2):  # the second one joins the work of the first, which has left
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await post(running)
        assert (recorder.entered, running.metrics.value(COALESCED)) == (1, 1)
        recorder.latch.set()
        await until(lambda: running.metrics.value(IN_FLIGHT_BYTES) == 0)
        assert users(recorder.batches) == PEOPLE
        assert await post(running) == 200
        assert recorder.entered == count
        assert await post(running) == 200  # a sender that has its answer and sends the same again means it
        assert recorder.entered == 2 * count


async def test_who_waits_for_the_work_of_another_holds_no_memory() -> None:
    recorder = Recorder()
    recorder.latch.clear()
    async with receiving(Stage("recorder", recorder, True)) as running:
        first = asyncio.create_task(post(running))
        await until(lambda: recorder.entered == 1)
        held = running.metrics.value(IN_FLIGHT_BYTES)
        others = [asyncio.create_task(post(running)) for _ in range(5)]
        await until(lambda: running.metrics.value(COALESCED) == 5)
        assert running.metrics.value(IN_FLIGHT_BYTES) == held
        recorder.latch.set()
        assert await asyncio.gather(first, *others) == [200] * 6
    assert users(recorder.batches) == PEOPLE


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
