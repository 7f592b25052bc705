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
from chattrail.export.logrecord import LogRecords, Packed
from chattrail.record import ERROR, INFO
from tests.support.fakes.otlp_receiver import OtlpReceiver, decode

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
