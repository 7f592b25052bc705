"""The collector in front of the real sidecar: they understand each other's encodings, tokens and refusals."""

import asyncio
import random
from pathlib import Path

import pytest

from sidecar.errors import RetryableError
from sidecar.otlp import pieces
from sidecar.otlp.batch import Batch
from sidecar.pipeline.pipeline import Stage
from sidecar.telemetry.metrics import COALESCED, REQUESTS
from tests.support.collector_process import Collector, event_id, records_of
from tests.support.collector_process import until as collector_until
from tests.support.otlp import event, request, uuid7
from tests.support.receivers import Recorder, receiving, until

MIB = 1 << 20
TOKEN = "of-the-sidecar"


def stored(recorder: Recorder) -> list[str]:
    return [event_id(record) for record in records_of(batch.request for batch in recorder.batches)]


async def test_events_pass_and_wait_while_the_sidecar_says_try_again(tmp_path: Path) -> None:
    recorder = Recorder()
    recorder.raises = RetryableError("the database is away", after=1)
    async with receiving(Stage("recorder", recorder, True), token=TOKEN) as sidecar:
        collector = Collector(tmp_path, sidecar.url)
        collector.environment["CHATTRAIL_SIDECAR_TOKEN"] = TOKEN
        await asyncio.to_thread(collector.start)
        try:
            ids = [uuid7(0) for _ in range(50)]
            for one in ids:
                body = request(event("user_message", event_id=one, attributes={"chattrail.message.text": "слово"}))
                assert await asyncio.to_thread(collector.post, body) == 200
            await until(lambda: recorder.entered >= 2)
            assert not recorder.batches
            recorder.raises = None
            await until(lambda: set(stored(recorder)) == set(ids))
            assert len(stored(recorder)) == len(ids)
        finally:
            await asyncio.to_thread(collector.__exit__)


async def test_the_largest_request_that_the_collector_takes_fits_into_the_sidecar(tmp_path: Path) -> None:
    recorder = Recorder()
    async with receiving(Stage("recorder", recorder, True)) as sidecar:
        collector = Collector(tmp_path, sidecar.url)
        await asyncio.to_thread(collector.start)
        try:
            image = random.Random(1).randbytes(12 * MIB - 1000)  # what no encoding can shrink
            one = uuid7(0)
            body = request(event("image_generated", event_id=one, attributes={"chattrail.image.data": image}))
            assert await asyncio.to_thread(collector.post, body) == 200
            await until(lambda: stored(recorder) == [one])
        finally:
            await asyncio.to_thread(collector.__exit__)


async def test_a_collector_with_yesterdays_token_loses_nothing(tmp_path: Path) -> None:
    recorder = Recorder()
    one = uuid7(0)
    async with receiving(Stage("recorder", recorder, True), token=TOKEN) as sidecar:
        collector = Collector(tmp_path, sidecar.url)
        collector.environment["CHATTRAIL_SIDECAR_TOKEN"] = "yesterdays"
        await asyncio.to_thread(collector.start)
        assert await asyncio.to_thread(collector.post, request(event("command", event_id=one))) == 200
        await until(lambda: sidecar.metrics.value(REQUESTS, status="503") >= 1)
        await asyncio.to_thread(collector.kill)
        collector.environment["CHATTRAIL_SIDECAR_TOKEN"] = TOKEN
        await asyncio.to_thread(collector.start)
        try:
            await until(lambda: stored(recorder) == [one])
        finally:
            await asyncio.to_thread(collector.__exit__)


class Slow(Recorder):
    """Takes longer for a body than the collector waits, and has refused one of its pieces in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = False

    async def handle(self, batch: Batch) -> None:
        self.entered += 1
        await asyncio.sleep(0.25)
        if len(self.batches) == 6 and not self.refused:
            self.refused = True
            raise RetryableError("not now", after=1)
        self.batches.append(batch)


async def test_a_body_that_takes_longer_than_the_collector_waits_is_stored_once_and_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100_000)
    monkeypatch.setattr(pieces, "RUN_RECORDS", 5)
    patience = tmp_path / "patience.yaml"
    patience.write_text(
        "exporters: {otlp_http/sidecar: {timeout: 1s, retry_on_failure: {initial_interval: 100ms, max_interval: 200ms}}}"
    )
    ids = [uuid7(0) for _ in range(150)]
    body = request(*(event("command", event_id=one) for one in ids))
    count = sum(1 for _ in pieces.cut(body))
    assert count * 0.25 > 2, "the collector gives up more than once"
    slow = Slow()
    async with receiving(Stage("slow", slow, True)) as sidecar:
        collector = Collector(tmp_path, sidecar.url, patience)
        await asyncio.to_thread(collector.start)
        try:
            assert await asyncio.to_thread(collector.post, body) == 200
            another = uuid7(0)
            assert await asyncio.to_thread(collector.post, request(event("command", event_id=another))) == 200
            sent = "otelcol_exporter_sent_log_records"
            everything = len(ids) + 1
            await asyncio.to_thread(collector_until, lambda: collector.metric(sent) >= everything, "all are sent", 60)
            assert "context deadline exceeded" in await asyncio.to_thread(collector.log.read_text)
            assert await asyncio.to_thread(collector.metric, sent) == everything
            assert sorted(stored(slow)) == sorted([*ids, another])
            assert sidecar.metrics.value(COALESCED) >= 1
            assert (slow.entered, slow.refused) == (len(slow.batches) + 1, True), (
                "but for the refused one, each piece once"
            )
        finally:
            await asyncio.to_thread(collector.__exit__)
