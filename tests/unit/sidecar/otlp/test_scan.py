"""The scan of all records at once finds what protobuf finds, or says that it can't; bytes that are damaged do it no harm."""

import contextlib
import struct

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.otlp.batch import records_of
from sidecar.otlp.scan import (
    ARRAY,
    BOOL,
    BYTES,
    DOUBLE,
    EVENT_NAME,
    FLAGS,
    INT,
    NONE,
    OBSERVED,
    SEVERITY,
    STRING,
    TIME,
    TRACE_ID,
    OddRequestError,
    Scan,
    Slices,
    Values,
    scan,
)  # fmt: skip
from sidecar.otlp.wire import LOG_RECORDS, Origin, encode
from sidecar.plugins.clickhouse.columns.blocks import blocks_of
from tests.support import otlp
from tests.support.conversation import conversation

KINDS = {
    None: NONE,
    "string_value": STRING,
    "bool_value": BOOL,
    "int_value": INT,
    "double_value": DOUBLE,
    "array_value": ARRAY,
    "bytes_value": BYTES,
}


@settings(max_examples=40)
@given(otlp.requests)
def test_what_is_found_is_what_protobuf_finds(message: ExportLogsServiceRequest) -> None:
    try:
        found = scan(message.SerializeToString())
    except OddRequestError:
        return
    assert _found(found) == [_expected(record) for record in records_of(message)]


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_request_is_odd_or_has_blocks(data: st.DataObject) -> None:
    body = bytearray(otlp.request(*conversation()))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(OddRequestError, DecodeError):
        parsed = ExportLogsServiceRequest.FromString(bytes(body))
        blocks = blocks_of(bytes(body))
        assert sum(1 for _ in records_of(parsed)) > 0
        assert blocks


@pytest.mark.parametrize(
    "record",
    [
        b"\x1a\x01a\x1a\x01b",  # a field twice
        b"\xa2\x06\x01a",  # a field that OTLP does not have
        b"\x32\x05\x0a\x01a\x18\x01",  # an attribute that is named by an index into a dictionary
        b"\x2a\x02\x2a\x00",  # an array as the body
        b"\x9a\x00\x01a",  # a tag in a longer form
        b"\x1a\x81\x00a",  # a length in a longer form
        b"\x2a\x02\x10\x02",  # a truth value that is neither 0 nor 1
    ],
)  # fmt: skip
def test_odd_shapes_are_left_to_the_views(record: bytes) -> None:
    body = Origin().request(encode(LOG_RECORDS, record))
    with pytest.raises(OddRequestError):
        scan(body)


def test_a_record_in_a_longer_form_is_not_overlooked() -> None:
    with pytest.raises(OddRequestError):
        scan(encode(1, encode(2, b"\x92\x00\x00")))


def _found(found: Scan) -> list[list[object]]:
    records = []
    for number in range(len(found.origin)):
        pairs = range(int(found.first[number]), int(found.first[number + 1]))
        records.append(
            [
                *(int(found.numbers[tag][number]) for tag in (TIME, OBSERVED, SEVERITY, FLAGS)),
                *(_text(found, found.texts[tag], number) for tag in (EVENT_NAME, TRACE_ID)),
                _value(found, found.bodies, number),
                [(_text(found, found.keys, pair).decode(), _value(found, found.values, pair)) for pair in pairs],
            ]
        )
    return records


def _expected(record: LogRecord) -> list[object]:
    return [
        record.time_unix_nano, record.observed_time_unix_nano, record.severity_number, record.flags,
        record.event_name.encode(), record.trace_id, _known(record.body),
        [(pair.key, _known(pair.value)) for pair in record.attributes],
    ]  # fmt: skip


def _text(found: Scan, slices: Slices, number: int) -> bytes:
    """The text of a slice; those of these tests have lengths of one byte."""
    return found.body[int(slices.start[number]) + 1 : int(slices.end[number])]


def _value(found: Scan, values: Values, number: int) -> tuple[int, bytes]:
    kind, bits = int(values.kind[number]), int(values.bits[number])
    if kind in (STRING, ARRAY, BYTES):
        return kind, _text(found, values.slices, number)
    return kind, b"" if kind == NONE else struct.pack("<Q", bits)


def _known(value: AnyValue) -> tuple[int, bytes]:
    name = value.WhichOneof("value")
    content = getattr(value, name) if name else b""
    match KINDS[name]:
        case kind if kind == ARRAY:
            return kind, value.array_value.SerializeToString()
        case kind if kind in (STRING, BYTES, NONE):
            return kind, content.encode() if isinstance(content, str) else content
        case kind:
            return kind, struct.pack("<d" if kind == DOUBLE else "<Q" if kind == BOOL else "<q", content)
