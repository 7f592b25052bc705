"""An answer that names dead letters: what it says, and that no sender takes it for a reason to send again."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

from chattrail import Person, create_tracker
from chattrail.events import Command
from sidecar.otlp.batch import Batch
from sidecar.pipeline.pipeline import Stage
from sidecar.receiver.responses import JSON, PROTOBUF, stored
from tests.support import otlp
from tests.support.clients import node
from tests.support.clients.rotel import Rotel
from tests.support.collector_process import Collector
from tests.support.collector_process import until as until_true
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.receivers import Recorder, Running, SidecarProcess, receiving, until


class Rejecting(Recorder):
    """Has one dead letter in each batch."""

    async def handle(self, batch: Batch) -> None:
        await super().handle(batch)
        batch.rejected["event.id is missing"] += 1


async def post(url: str, body: bytes, content_type: str = PROTOBUF) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/logs", data=body, headers={"Content-Type": content_type}) as answer,
    ):
        return answer.status, await answer.read()


async def test_the_answer_counts_dead_letters_and_says_why(clickhouse: EmbeddedClickHouse, tmp_path: Path) -> None:
    bad = [otlp.event("command", event_id="secret"), otlp.event("command", event_id="other"), otlp.event("command", "")]
    body = otlp.request(otlp.event("command"), *bad)
    written = (
        '{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "fine"}}, {"flags": "secret"}]}]}]}'
    )
    with (
        migrated_database(clickhouse) as database,
        SidecarProcess(CLICKHOUSE_URL=clickhouse.dsn(database), PLUGINS="clickhouse", DATA=str(tmp_path)) as sidecar,
    ):
        url = await sidecar.ready()
        for _ in range(2):  # a sender whose answer was lost gets the same
            status, answer = await post(url, body)
            partial = ExportLogsServiceResponse.FromString(answer).partial_success
            assert (status, partial.rejected_log_records) == (200, 3)
            assert partial.error_message == (
                "kept in the table dead_letters, in no figure: event.id is not a UUID (2); user.id is missing (1)"
            )
        status, answer = await post(url, written.encode(), JSON)
        assert (status, json.loads(answer)) == (
            200,
            {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": (
                "kept in the table dead_letters, in no figure: the record can't be read: flags: not an integer (1)")}},
        )  # fmt: skip
        assert await post(url, otlp.request(otlp.event("command"))) == (200, b"")
        assert sidecar.end() == 0
        assert "secret" not in sidecar.text


async def test_both_senders_of_one_body_are_told() -> None:
    rejecting = Rejecting()
    rejecting.latch.clear()
    body = otlp.request(otlp.event("command"))
    async with receiving(Stage("rejecting", rejecting, True)) as running:
        both = [asyncio.create_task(post(running.url, body)) for _ in range(2)]
        await until(lambda: rejecting.entered == 1)
        await until(lambda: running.metrics.value("chattrail.sidecar.coalesced") == 1)
        rejecting.latch.set()
        answers = await asyncio.gather(*both)
    assert [
        ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records for _, answer in answers
    ] == [1, 1]


def test_an_answer_names_few_reasons_however_many_there_are() -> None:
    answer = stored(PROTOBUF, Counter({f"reason {number}": number + 1 for number in range(40)}))
    assert isinstance(answer.body, bytes)
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert partial.rejected_log_records == sum(range(41))
    assert partial.error_message.endswith(
        "reason 39 (40); reason 38 (39); reason 37 (38); reason 36 (37); reason 35 (36); and 35 more reasons"
    )


def by_python(running: Running, _work: Path) -> int:
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(running.logs)))
    provider.get_logger("test").emit(event_name="x", body="one")
    provider.shutdown()
    return 1


def by_tracker(running: Running, _work: Path) -> int:
    tracker = create_tracker("bot", endpoint=running.url)
    for _ in range(20):
        tracker.track(Command(name="help"), user=Person(1))
    tracker.shutdown(20)
    assert tracker.dropped == 0
    return 20


def by_javascript(protocol: str, running: Running, work: Path) -> int:
    return len(
        node.send(work, "javascript", protocol, running.url, "", complaint="Received Partial Success response: ")
    )


def by_json(running: Running, work: Path) -> int:
    return by_javascript("http/json", running, work)


def by_protobuf(running: Running, work: Path) -> int:
    return by_javascript("http/protobuf", running, work)


@pytest.mark.parametrize("send", [by_python, by_tracker, by_json, by_protobuf])
async def test_no_sdk_sends_again(
    send: Callable[[Running, Path], int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rejecting = Rejecting()
    async with receiving(Stage("rejecting", rejecting, True)) as running:
        sent = await asyncio.to_thread(send, running, tmp_path)
    assert sum(batch.record_count for batch in rejecting.batches) == sent
    assert len({batch.digest for batch in rejecting.batches}) == rejecting.entered
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_no_collector_sends_again(tmp_path: Path) -> None:
    rejecting = Rejecting()
    async with receiving(Stage("rejecting", rejecting, True)) as running:
        collector = Collector(tmp_path, running.url)
        await asyncio.to_thread(collector.start)
        try:
            for _ in range(3):
                body = otlp.request(otlp.event("command"))
                assert await asyncio.to_thread(collector.post, body) == 200
            # counted once it is neither in the queue nor to be tried again
            sent = "otelcol_exporter_sent_log_records"
            await asyncio.to_thread(until_true, lambda: collector.metric(sent) == 3, "all three are counted as sent")
            assert "Partial success response" in collector.log.read_text()
        finally:
            await asyncio.to_thread(collector.__exit__)
    assert _ids(rejecting.batches) == Counter(set(_ids(rejecting.batches)))
    assert sum(batch.record_count for batch in rejecting.batches) == 3


async def test_rotel_does_not_send_again(tmp_path: Path) -> None:
    rejecting = Rejecting()
    async with receiving(Stage("rejecting", rejecting, True)) as running:
        with Rotel(tmp_path / "rotel.log", running.url, "http", "") as rotel:
            tracker = create_tracker("bot", endpoint=rotel.http)
            for number in range(20):
                tracker.track(Command(name=str(number)), user=Person(1))
            assert await asyncio.to_thread(tracker.flush)
            await until(lambda: sum(batch.record_count for batch in rejecting.batches) >= 20)
            await asyncio.to_thread(rotel.stop)
            tracker.shutdown()
    assert sum(batch.record_count for batch in rejecting.batches) == 20


def _ids(batches: Sequence[Batch]) -> Counter[str]:
    return Counter(event.event_id for batch in batches for event in batch.events(frozenset({"command"})))
