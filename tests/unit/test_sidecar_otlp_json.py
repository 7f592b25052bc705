"""OTLP/JSON becomes the protobuf message that means the same; protobuf's own JSON mapping is the witness."""

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.errors import Malformed
from sidecar.otlp_json import to_protobuf
from tests import otlp


def as_otlp_json(request: ExportLogsServiceRequest) -> dict[str, Any]:
    document: dict[str, Any] = json_format.MessageToDict(request, use_integers_for_enums=True)
    for entry in document.get("resourceLogs", []):
        for scope in entry.get("scopeLogs", []):
            for record in scope.get("logRecords", []):
                for key in ("traceId", "spanId"):
                    if key in record:
                        record[key] = base64.b64decode(record[key]).hex()
    return document


@settings(max_examples=200, deadline=None)
@given(otlp.requests)
def test_any_request_survives_the_way_through_json(request: ExportLogsServiceRequest) -> None:
    converted = ExportLogsServiceRequest.FromString(to_protobuf(json.dumps(as_otlp_json(request)).encode()))
    # bytes, because a NaN is not equal to itself
    assert converted.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["resourceLogs", "scopeLogs", "logRecords", "attributes", "value", "body",
                                         "intValue", "doubleValue", "bytesValue", "traceId", "timeUnixNano", "key"]),
                        inner, max_size=4), max_leaves=12))  # fmt: skip
def test_any_document_converts_or_is_malformed(document: object) -> None:
    try:
        body = to_protobuf(json.dumps(document).encode())
    except Malformed:
        return
    ExportLogsServiceRequest.FromString(body)


def record_json(**fields: Any) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [fields]}]}]}).encode()


def record_of(body: bytes) -> LogRecord:
    return ExportLogsServiceRequest.FromString(to_protobuf(body)).resource_logs[0].scope_logs[0].log_records[0]


@pytest.mark.parametrize("time", [1544712660300000000, "1544712660300000000"])
def test_64_bit_integers_come_as_numbers_or_strings(time: int | str) -> None:
    assert record_of(record_json(timeUnixNano=time)).time_unix_nano == 1544712660300000000


def test_ids_are_hex_of_any_case() -> None:
    record = record_of(record_json(traceId="5B8EFFF798038103D269B633813FC60C", spanId="eee19b7ec3c1b174"))
    assert record.trace_id == bytes.fromhex("5b8efff798038103d269b633813fc60c")
    assert record.span_id == bytes.fromhex("eee19b7ec3c1b174")


def test_unknown_keys_snake_case_and_nulls_are_ignored() -> None:
    record = record_of(record_json(eventName="e", event_name="wrong", surprise={"deep": [1]}, severityText=None))
    assert record == LogRecord(event_name="e")


def test_enums_are_numbers_and_names_are_understood() -> None:
    assert record_of(record_json(severityNumber=9)).severity_number == 9
    assert record_of(record_json(severityNumber="SEVERITY_NUMBER_INFO")).severity_number == 9


@pytest.mark.parametrize("text", ["-_8", "+/8=", "-_8="])
def test_bytes_in_both_alphabets(text: str) -> None:
    assert record_of(record_json(body={"bytesValue": text})).body.bytes_value == b"\xfb\xff"


def test_an_empty_alternative_is_present() -> None:
    assert record_of(record_json(body={"arrayValue": {}})).body.WhichOneof("value") == "array_value"
    assert record_of(record_json(body={"stringValue": ""})).body.WhichOneof("value") == "string_value"


RECORD_PATH = r"body\.resourceLogs\[0\]\.scopeLogs\[0\]\.logRecords\[0\]"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"", "not JSON"),
        (b'{"resourceLogs": [', "not JSON: .* at line 1 column"),
        (b"[]", "body: expected an object"),
        (b'"text"', "body: expected an object"),
        (b'{"resourceLogs": {}}', r"body\.resourceLogs: expected an array"),
        (b'{"resourceLogs": [7]}', r"body\.resourceLogs\[0\]: expected an object"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 10_000, "too long"),
        (record_json(timeUnixNano="soon secret"), rf"{RECORD_PATH}\.timeUnixNano: not an integer"),
        (record_json(timeUnixNano=-1), rf"{RECORD_PATH}\.timeUnixNano: out of range"),
        (record_json(timeUnixNano=2**64), rf"{RECORD_PATH}\.timeUnixNano: out of range"),
        (record_json(timeUnixNano=1.5), "not an integer"),
        (record_json(timeUnixNano=True), "not an integer"),
        (record_json(traceId="secret"), rf"{RECORD_PATH}\.traceId: not hex"),
        (record_json(eventName=5), "eventName: expected a string"),
        (record_json(eventName="\ud800"), "surrogate"),
        (record_json(body={"bytesValue": "s*cret"}), "not base64"),
        (record_json(body={"boolValue": "true"}), "expected true or false"),
        (record_json(body={"doubleValue": "secret"}), "not a number"),
        (record_json(body={"doubleValue": 10**400}), "out of range"),
        (record_json(body={"stringValue": "secret", "intValue": 1}), "more than one of value's alternatives"),
        (record_json(body="secret"), rf"{RECORD_PATH}\.body: expected an object"),
    ],
)  # fmt: skip
def test_malformed_says_where_and_quotes_nothing(body: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        to_protobuf(body)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("nesting", range(42, 52))
def test_what_converts_can_be_parsed_and_what_is_too_deep_is_malformed(nesting: int) -> None:
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(nesting):
        value = {"arrayValue": {"values": [value]}}
    body = record_json(body=value)
    if nesting <= 47:  # 4 messages down to the body, 2 for each array, 100 in all
        assert record_of(body).body.WhichOneof("value") == "array_value"
    else:
        with pytest.raises(Malformed, match="nested deeper"):
            to_protobuf(body)
