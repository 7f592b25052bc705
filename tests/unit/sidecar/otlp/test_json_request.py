"""OTLP/JSON becomes the protobuf message that means the same; protobuf's own JSON mapping is the witness."""

import base64
import json

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.errors import MalformedError
from sidecar.otlp.json_request import convert
from tests.support import otlp
from tests.support.json_documents import as_otlp_json, record_json


@settings(max_examples=40, deadline=None)
@given(otlp.requests)
def test_any_request_survives_the_way_through_json(request: ExportLogsServiceRequest) -> None:
    converted = convert(json.dumps(as_otlp_json(request)).encode())
    assert not converted.unreadable
    # bytes, because a NaN is not equal to itself
    message = ExportLogsServiceRequest.FromString(converted.body)
    assert message.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@settings(max_examples=25, deadline=None)
@given(otlp.requests)
def test_keys_in_snake_case_mean_the_same(request: ExportLogsServiceRequest) -> None:
    document = json_format.MessageToDict(request, use_integers_for_enums=True, preserving_proto_field_name=True)
    for entry in document.get("resource_logs", []):
        for scope in entry.get("scope_logs", []):
            for record in scope.get("log_records", []):
                for key in {"trace_id", "span_id"} & record.keys():
                    record[key] = base64.b64decode(record[key]).hex()
    converted = convert(json.dumps(document).encode())
    assert not converted.unreadable
    message = ExportLogsServiceRequest.FromString(converted.body)
    assert message.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


def record_of(body: bytes) -> LogRecord:
    converted = convert(body)
    assert not converted.unreadable
    request = ExportLogsServiceRequest.FromString(converted.body)
    record: LogRecord = request.resource_logs[0].scope_logs[0].log_records[0]
    return record


def body_of(value: str) -> AnyValue:
    """The body of a record whose JSON is written as it stands here."""
    return record_of(record_json().replace(b"{}", b'{"body": %s}' % value.encode())).body


@pytest.mark.parametrize("time", [1544712660300000123, "1544712660300000123", "1544712660300000123.0", "1.5e18"])
def test_64_bit_integers_come_as_numbers_or_strings(time: int | str) -> None:
    expected = 1500000000000000000 if time == "1.5e18" else 1544712660300000123
    assert record_of(record_json(timeUnixNano=time)).time_unix_nano == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"1e3"', 1000), ("1e3", 1000), ("1E+3", 1000), ('"5.0"', 5), ("5.0", 5), ("-5.0", -5), ('"-0"', 0), ("-0.0", 0),
        ('"0.5e1"', 5), ("50e-1", 5), ('"0e999"', 0), ("9007199254740993", 2**53 + 1), ("9007199254740993.0", 2**53 + 1),
        ('"9.007199254740993e15"', 2**53 + 1), ("-9223372036854775808", -(2**63)), ('"9223372036854775807"', 2**63 - 1),
    ],
)  # fmt: skip
def test_integers_in_every_form_of_the_mapping_keep_their_value(written: str, value: int) -> None:
    assert body_of(f'{{"intValue": {written}}}').int_value == value


@pytest.mark.parametrize(
    ("written", "value"),
    [("5", 5.0), ('"5"', 5.0), ("1e3", 1000.0), ('"-1.5e-3"', -0.0015), ('"Infinity"', float("inf")),
     ("9007199254740993", 2.0**53), ("1.7976931348623157e308", 1.7976931348623157e308)],
)  # fmt: skip
def test_doubles_as_numbers_and_strings(written: str, value: float) -> None:
    assert body_of(f'{{"doubleValue": {written}}}').double_value == value


def test_ids_are_hex_of_any_case() -> None:
    record = record_of(record_json(traceId="5B8EFFF798038103D269B633813FC60C", spanId="eee19b7ec3c1b174"))
    assert record.trace_id == bytes.fromhex("5b8efff798038103d269b633813fc60c")
    assert record.span_id == bytes.fromhex("eee19b7ec3c1b174")


def test_unknown_keys_and_nulls_are_ignored() -> None:
    record = record_of(record_json(eventName="e", surprise={"deep": [1]}, severityText=None))
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


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r'"cut \ud83d"', "cut \ufffd"), (r'"\ude00 cut"', "\ufffd cut"), (r'"\ud83d\n\u0041"', "\ufffd\nA"),
        (r'"\ude00\ud83d"', "\ufffd\ufffd"), (r'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"), (r'"\ud83d\ude00"', "\U0001f600"),
    ],
)  # fmt: skip
def test_half_a_surrogate_pair_becomes_the_replacement_character(written: str, text: str) -> None:
    record = record_of(record_json().replace(b"{}", b'{"body": {"stringValue": %s}}' % written.encode()))
    assert record.body.string_value == text
    keyed = record_of(
        record_json().replace(b"{}", b'{"attributes": [{"key": %s}], "severityText": %s}' % ((written.encode(),) * 2))
    )
    assert keyed.attributes[0].key == keyed.severity_text == text


@pytest.mark.parametrize("raw", [b"caf\xe9", b"caf\xed\xa0\xbd", b"caf\xc3"])
def test_bytes_that_are_not_utf_8_become_the_replacement_character(raw: bytes) -> None:
    record = record_of(record_json(body={"stringValue": "caf?"}).replace(b"caf?", raw))
    assert record.body.string_value.startswith("caf\ufffd")


def test_a_byte_order_mark_and_a_raw_line_break_are_no_fault() -> None:
    assert record_of(b"\xef\xbb\xbf" + record_json(eventName="e")).event_name == "e"
    assert record_of(record_json(eventName="a?b").replace(b"?", b"\n")).event_name == "a\nb"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"", "not JSON"),
        (b'{"resourceLogs": [', "not JSON: .* at line 1 column"),
        (b"[]", "body: expected an object"),
        (b'"text"', "body: expected an object"),
        (b'{"resourceLogs": {}}', r"body\.resourceLogs: expected an array"),
        (b'{"resourceSpans": []}', "no key of an OTLP logs request"),
        (b'{"message": "secret"}', "no key of an OTLP logs request"),
        (b'{"a": NaN}', "no key of an OTLP logs request"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"resourceLogs": ' + b"[" * 100_000 + b'\\"' * 100_000, "nested too deeply|not JSON"),
        (b"1" * 10_000, "expected an object"),
    ],
)
def test_what_is_no_request_is_malformed_and_nothing_is_quoted(body: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message) as caught:
        convert(body)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"resourceLogs": []}', b'{"resourceLogs": null}', b'{"resource_logs": [{}]}']
)
def test_a_request_without_records_is_one(body: bytes) -> None:
    converted = convert(body)
    assert not converted.unreadable
    assert not [s for e in ExportLogsServiceRequest.FromString(converted.body).resource_logs for s in e.scope_logs]


@pytest.mark.parametrize("nesting", [*range(42, 52), 70, 400, 5000])
def test_what_converts_can_be_parsed_and_what_is_too_deep_is_set_apart(nesting: int) -> None:
    value = b'{"arrayValue": {"values": [' * nesting + b'{"intValue": 1}' + b"]}}" * nesting
    body = record_json().replace(b"{}", b'{"body": %s}, {"eventName": "neighbour"}' % value)
    converted = convert(body)
    records = ExportLogsServiceRequest.FromString(converted.body).resource_logs[0].scope_logs[0].log_records
    if nesting <= 47:  # 4 messages down to the body, 2 for each array, 100 in all
        assert [record.body.WhichOneof("value") for record in records] == ["array_value", None]
    else:
        assert [record.event_name for record in records] == ["neighbour"]
        assert "nested deeper" in converted.unreadable[0].reason
        assert b"intValue" in converted.unreadable[0].raw, "what is too deep is kept as well"
        again = convert(converted.unreadable[0].raw).unreadable
        assert [one.reason for one in again] == [converted.unreadable[0].reason]
