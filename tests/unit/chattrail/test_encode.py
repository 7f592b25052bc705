"""Batches are encoded as the SDK would encode them, to the byte, and without a message of protobuf."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common import _internal
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk.resources import Resource

from chattrail import Person, create_tracker
from chattrail.events import UserMessage
from chattrail.export.logrecord import LogRecords, Packed, add_losses, encoded_at_once
from chattrail.record import ERROR, INFO
from tests.support.fakes.otlp_receiver import OtlpGrpcReceiver, OtlpReceiver, decode

TEXTS, NAMES = st.text(), st.text(min_size=1)
LEAVES = (
    TEXTS
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([0, 1, 127, 128, 16_383, 16_384, -1])
    | st.floats(allow_nan=False)
    | st.binary()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner | st.none(), max_size=4).map(tuple) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
TRACES = st.none() | st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.sampled_from([0, 1]))
TIMES = st.integers(1, 2**63 - 1)
RECORDS = st.builds(
    lambda name, timestamp, observed, severity, body, attributes, trace: (
        0, name, timestamp, observed, severity, body, attributes, trace,
    ),
    st.sampled_from(["chattrail.user_message", "chattrail_process.ended"]), TIMES, TIMES,
    st.sampled_from([INFO, ERROR]), TEXTS, st.dictionaries(NAMES, VALUES, max_size=5), TRACES,
)  # fmt: skip
RESOURCE = Resource({"service.name": "bot", "process.command_args": ("a", "b"), "process.pid": 7, "x": 0.5, "y": True})


@settings(max_examples=25, deadline=None)
@given(st.lists(RECORDS, max_size=4))
def test_it_is_what_the_sdk_encodes(batch: list[Packed]) -> None:
    records = LogRecords(batch, RESOURCE)
    if batch:
        assert records.encoded() == encode_logs(records).SerializeToString()
    assert len(_records(records.encoded())) == len(batch)


@settings(max_examples=25, deadline=None)
@given(st.lists(RECORDS, max_size=4), st.integers(0, 4))
def test_a_record_that_was_encoded_at_once_is_no_different(batch: list[Packed], how_many: int) -> None:
    mixed = [encoded_at_once(record) for record in batch[:how_many]] + batch[how_many:]
    assert LogRecords(mixed, RESOURCE).encoded() == LogRecords(batch, RESOURCE).encoded()


@pytest.mark.parametrize("prepare", [encoded_at_once, lambda record: record])
def test_losses_stand_in_a_record_in_either_form(prepare: Any) -> None:
    packed: Packed = (0, "chattrail.custom", 1, 1, INFO, "", {"a": 1}, None)
    (record,) = _records(LogRecords([add_losses(prepare(packed), {"queue_full": 3, "invalid": 1})], RESOURCE).encoded())
    assert {pair.key: decode(pair.value) for pair in record.attributes} == {
        "a": 1,
        "chattrail.dropped.queue_full": 3,
        "chattrail.dropped.failed": 1,
    }


def test_what_is_large_or_cannot_be_encoded_is_left_to_the_export_thread() -> None:
    large: Packed = (100_000, "chattrail.custom", 1, 1, INFO, "", {"a": "x" * 100_000}, None)
    broken: Any = (10, "chattrail.custom", 1, 1, INFO, "", {"a": object()}, None)
    assert encoded_at_once(large) is large
    assert encoded_at_once(broken) is broken


def test_an_exporter_of_the_sdk_gets_no_bytes() -> None:
    packed: Packed = (0, "chattrail.custom", 1, 1, INFO, "", {"a": 1}, None)
    with pytest.raises(TypeError, match="for OTLP/HTTP alone"):
        list(LogRecords([encoded_at_once(packed)], RESOURCE))


def _records(data: bytes) -> Any:
    return ExportLogsServiceRequest.FromString(data).resource_logs[0].scope_logs[0].log_records


def test_a_resource_of_any_make_is_encoded() -> None:
    class Name(str):
        __slots__ = ()

    records = LogRecords([], Resource({"service.name": Name("bot"), "a": ["x"]}, "https://example.org/1"))
    (logs,) = ExportLogsServiceRequest.FromString(records.encoded()).resource_logs
    assert {pair.key: decode(pair.value) for pair in logs.resource.attributes} == {"service.name": "bot", "a": ("x",)}
    assert logs.schema_url == "https://example.org/1"


def test_nothing_inside_of_a_map_is_left_out() -> None:
    packed: Packed = (0, "chattrail.custom", 1, 1, INFO, "", {"a": {"b": None, "c": 1}}, None)
    (record,) = _records(LogRecords([packed], RESOURCE).encoded())
    assert decode(record.attributes[0].value) == {"b": None, "c": 1}


def test_what_cannot_be_encoded_says_so() -> None:
    packed: Any = (0, "chattrail.custom", 1, 1, INFO, "", {"a": object()}, None)
    with pytest.raises(TypeError, match="a value of type object"):
        LogRecords([packed], RESOURCE).encoded()


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_no_message_of_protobuf_is_made(compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    real = _internal._encode_key_value

    def encode(*given: Any, **named: Any) -> Any:
        made.append(given)
        return real(*given, **named)

    monkeypatch.setattr(_internal, "_encode_key_value", encode)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    with OtlpReceiver() as receiver, create_tracker("bot", endpoint=receiver.url) as tracker:
        tracker.track(UserMessage(text="hi"), user=Person(1))
        assert tracker.flush(10)
        assert [record.attributes["chattrail.message.text"] for record in receiver.records] == ["hi"]
    assert made == []


@pytest.mark.parametrize(("receiver_type", "takes_bytes"), [(OtlpReceiver, True), (OtlpGrpcReceiver, False)])
async def test_what_is_recorded_later_is_encoded_then_where_the_transport_takes_bytes(
    receiver_type: Any, takes_bytes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf" if takes_bytes else "grpc")
    with receiver_type() as receiver, create_tracker("bot", endpoint=receiver.url) as tracker:
        tracker.backlog.add(1, lambda: tracker.track(UserMessage(text="later"), user=Person(1)))
        tracker.backlog.drain()
        tracker.track(UserMessage(text="at once"), user=Person(1))
        queue: Any = tracker._sink._queue  # type: ignore[attr-defined]
        assert [len(record) == 2 for record in queue] == [takes_bytes, False]
        assert tracker.flush(10)
        assert [record.attributes["chattrail.message.text"] for record in receiver.records] == ["later", "at once"]
