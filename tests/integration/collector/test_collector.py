"""The collector takes OTLP from real SDKs and passes every record on as it came."""

import os
import subprocess
import uuid
from pathlib import Path

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from chattrail.context import Person
from chattrail.events import UserMessage
from chattrail.export.pipeline import create_tracker
from tests.support.collector_process import Collector, Destination, binary_or_skip, event_id, records_of, until
from tests.support.otlp import event, records, request, uuid7
from tests.support.paths import ROOT

MIB = 1 << 20


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_events_of_the_tracker_arrive(collector: Collector, destination: Destination, protocol: str) -> None:
    endpoint = f"http://{collector.grpc}" if protocol == "grpc" else collector.http
    tracker = create_tracker("test-bot", endpoint=endpoint, protocol=protocol)
    marker = f"привет {uuid.uuid4()} \N{FOX FACE}"
    tracker.track(UserMessage(text=marker), user=Person(id=7))
    tracker.shutdown()

    def texts() -> list[str]:
        return [pair.value.string_value for record in destination.records() for pair in record.attributes]

    until(lambda: marker in texts(), "the event at the destination")
    assert texts().count(marker) == 1


@st.composite
def whole_requests(draw: st.DrawFn) -> ExportLogsServiceRequest:
    """Any records, each marked with an id to find it by. A trace id has 16 bytes or none, a span id 8 or none."""
    drawn = draw(st.lists(records(), min_size=1, max_size=20))
    made: ExportLogsServiceRequest = ExportLogsServiceRequest.FromString(request(*drawn))
    for record in records_of([made]):
        record.trace_id = record.trace_id.ljust(16, b"t") if record.trace_id else b""
        record.span_id = record.span_id.ljust(8, b"s") if record.span_id else b""
        for pair in [pair for pair in record.attributes if pair.key == "event.id"]:
            record.attributes.remove(pair)
        record.attributes.extend(event("user_message", event_id=uuid7(0)).attributes[:1])
    return made


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=whole_requests())
def test_any_record_arrives_as_it_was_sent(
    collector: Collector, destination: Destination, sent: ExportLogsServiceRequest
) -> None:
    assert collector.post(sent.SerializeToString()) == 200
    expected = {event_id(record): _bytes(record) for record in records_of([sent])}
    until(lambda: expected.keys() <= set(destination.ids()), "the records at the destination")
    arrived = {event_id(record): _bytes(record) for record in destination.records()}
    assert {key: arrived[key] for key in expected} == expected
    for resource in (entry for done in destination.requests for entry in done.resource_logs):
        if any(event_id(record) in expected for scope in resource.scope_logs for record in scope.log_records):
            assert resource.resource == sent.resource_logs[0].resource
            assert all(scope.scope == sent.resource_logs[0].scope_logs[0].scope for scope in resource.scope_logs)


def test_large_requests_are_split_below_the_sidecars_limit(collector: Collector, destination: Destination) -> None:
    texts = {uuid7(i): chr(ord("a") + i) * (3 * MIB) for i in range(9)}
    for first in range(0, 9, 3):
        batch = list(texts.items())[first : first + 3]
        body = request(
            *(event("user_message", event_id=key, attributes={"chattrail.message.text": text}) for key, text in batch)
        )
        assert collector.post(body) == 200
    until(lambda: texts.keys() <= set(destination.ids()), "27 MiB at the destination")
    assert max(destination.sizes) <= 12 * MIB
    arrived = {event_id(record): record for record in destination.records() if event_id(record) in texts}
    assert all(arrived[key].attributes[-1].value.string_value == text for key, text in texts.items())


def test_its_own_metrics_count_what_was_delivered(collector: Collector, destination: Destination) -> None:
    exporter = {"exporter": "otlp_http/sidecar"}
    before = collector.metric("otelcol_exporter_sent_log_records", **exporter)
    assert collector.post(request(event("user_message"), event("user_message"))) == 200
    until(
        lambda: collector.metric("otelcol_exporter_sent_log_records", **exporter) == before + 2,
        "two more records in the metrics",
    )


def test_message_texts_are_not_in_its_log(collector: Collector, destination: Destination) -> None:
    canary = f"canary-{uuid.uuid4()}"
    body = request(event("user_message", event_id=(key := uuid7(1)), attributes={"chattrail.message.text": canary}))
    destination.answer = lambda: (400, {})
    rejected = len(destination.attempts)
    assert collector.post(body) == 200
    until(lambda: len(destination.attempts) > rejected, "the attempt")
    until(lambda: "Exporting failed" in collector.log.read_text(), "the line about the refusal")
    destination.answer = lambda: (200, {})
    assert canary not in collector.log.read_text()
    assert key not in destination.ids()


def test_senders_need_the_token_once_there_is_one(destination: Destination, tmp_path: Path) -> None:
    with Collector(tmp_path, destination.url, token="open-sesame") as guarded:
        body = request(event("user_message", event_id=(key := uuid7(2))))
        assert guarded.post(body) == 401
        assert guarded.post(body, authorization="Bearer wrong") == 401
        with grpc.insecure_channel(guarded.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
            LogsServiceStub(channel).Export(ExportLogsServiceRequest.FromString(body), timeout=20)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert guarded.post(body, authorization="Bearer open-sesame") == 200
        until(lambda: key in destination.ids(), "the event")


def test_it_presents_the_sidecars_token(destination: Destination, tmp_path: Path) -> None:
    collector = Collector(tmp_path, destination.url)
    collector.environment["CHATTRAIL_SIDECAR_TOKEN"] = "secret of the sidecar"
    with collector:
        key = uuid7(3)
        assert collector.post(request(event("user_message", event_id=key))) == 200
        until(lambda: key in destination.ids(), "the event")
    assert destination.headers[-1]["authorization"] == "Bearer secret of the sidecar"
    assert "secret of the sidecar" not in collector.log.read_text()


def test_a_taken_port_is_told_by_its_variable(collector: Collector, tmp_path: Path) -> None:
    second = Collector(tmp_path, "http://127.0.0.1:1")
    second.environment["CHATTRAIL_COLLECTOR_HTTP_PORT"] = collector.http.rsplit(":", 1)[1]
    done = subprocess.run(second.command, cwd=ROOT, env=second.environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "change CHATTRAIL_COLLECTOR_HTTP_PORT" in done.stderr


def test_the_files_stand_alone_as_the_image_uses_them() -> None:
    """Without Python's defaults the base is valid; with token.yaml it refuses to go without a token."""
    binary, guarded = str(binary_or_skip()), ["--config=otel-config.yaml", "--config=collector/token.yaml"]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CHATTRAIL_")}
    assert subprocess.run([binary, "validate", guarded[0]], cwd=ROOT, env=plain).returncode == 0
    refused = subprocess.run([binary, "validate", *guarded], cwd=ROOT, env=plain, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "bearertokenauth" in refused.stderr
    plain["CHATTRAIL_COLLECTOR_TOKEN"] = "long-enough"
    assert subprocess.run([binary, "validate", *guarded], cwd=ROOT, env=plain).returncode == 0


PRIVATE = {
    "telegram.user.username": "ann_b", "telegram.user.name": "Ann", "chattrail.image.prompt": "call +44 (20) 7946-0958",
    "exception.message": "no route to ann@example.org", "chattrail.message.text": "ann.b+x@example.co.uk, in 2026: 12",
}  # fmt: skip
SWITCHES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({}, PRIVATE),
    ({"drop_names": "true"}, {key: text for key, text in PRIVATE.items() if not key.startswith("telegram.")}),
    ({"drop_texts": "true"}, {key: text for key, text in PRIVATE.items() if key.startswith("telegram.")}),
    (
        {"mask_texts": "true"},
        PRIVATE
        | {
            "chattrail.image.prompt": "call <number>",
            "exception.message": "no route to <email>",
            "chattrail.message.text": "<email>, in 2026: 12",
        },
    ),
]


@pytest.mark.parametrize(("switch", "left"), SWITCHES, ids=["off", "drop_names", "drop_texts", "mask_texts"])
def test_privacy_switches(
    destination: Destination, tmp_path: Path, switch: dict[str, str], left: dict[str, str]
) -> None:
    archive = tmp_path / "archive.jsonl"
    with Collector(tmp_path, destination.url, feeds="file", feed_file_path=str(archive), **switch) as collector:
        record = event("user_message", event_id=(key := uuid7(4)), attributes=PRIVATE)
        record.body.string_value = "shown"
        assert collector.post(request(record)) == 200
        until(lambda: key in destination.ids(), "the event")
        until(lambda: archive.exists() and key in archive.read_text(), "the event in the archive")
    arrived = next(done for done in destination.records() if event_id(done) == key)
    assert {pair.key: pair.value.string_value for pair in arrived.attributes if pair.key in PRIVATE} == left
    assert arrived.body.string_value == ("" if "drop_texts" in switch else "shown")
    for name in PRIVATE.keys() - left.keys():
        assert name not in archive.read_text(), "a feed must not get what the sidecar does not"


def _bytes(record: LogRecord) -> bytes:
    return bytes(record.SerializeToString(deterministic=True))
