"""One bad record of an OTLP/JSON request costs itself only, and nothing is ever less than was sent."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sidecar.errors import MalformedError
from sidecar.otlp.json_request import convert, legible
from sidecar.otlp.salvage import RejectedRecord, Salvaged
from tests.support import otlp
from tests.support.json_documents import as_otlp_json, places

GOOD = [{"eventName": "first"}, {"eventName": "last"}]
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "a-bot"}}]}


def names(converted: Salvaged) -> list[str]:
    request = ExportLogsServiceRequest.FromString(converted.body)
    return [r.event_name for e in request.resource_logs for s in e.scope_logs for r in s.log_records]


def with_neighbours(written: str) -> bytes:
    document = {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": [GOOD[0], 0, GOOD[1]]}]}]}
    return json.dumps(document).replace(" 0,", f" {written},").encode()


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("null", "expected an object"),
        ("7", "expected an object"),
        ("[]", "expected an object"),
        ('{"message": "secret"}', "it has keys, and none that OTLP knows"),
        ('{"timeUnixNano": "secret"}', "timeUnixNano: not an integer"),
        ('{"timeUnixNano": -1}', "timeUnixNano: out of range"),
        ('{"timeUnixNano": 18446744073709551616}', "timeUnixNano: out of range"),
        ('{"timeUnixNano": "1e20"}', "timeUnixNano: out of range"),
        ('{"timeUnixNano": "1e99999999999999999999"}', "timeUnixNano: out of range"),
        ('{"timeUnixNano": 1.5}', "timeUnixNano: not an integer"),
        ('{"timeUnixNano": "1.5"}', "timeUnixNano: not an integer"),
        ('{"timeUnixNano": 9007199254740993.5}', "timeUnixNano: not an integer"),
        ('{"timeUnixNano": true}', "timeUnixNano: not an integer"),
        ('{"timeUnixNano": ""}', "timeUnixNano: not an integer"),
        ('{"body": {"intValue": 9223372036854775808}}', "intValue: out of range"),
        ('{"body": {"intValue": "-9223372036854775809"}}', "intValue: out of range"),
        ('{"body": {"intValue": 1%s}}' % ("0" * 5000), "intValue: out of range"),
        ('{"body": {"stringValue": 1%s}}' % ("0" * 5000), "stringValue: expected a string"),
        ('{"body": {"doubleValue": 1%s}}' % ("0" * 400), "doubleValue: out of range"),
        ('{"body": {"doubleValue": 1e999}}', "doubleValue: out of range"),
        ('{"body": {"doubleValue": NaN}}', "doubleValue: not a number"),
        ('{"body": {"doubleValue": "secret"}}', "doubleValue: not a number"),
        ('{"body": {"doubleValue": true}}', "doubleValue: not a number"),
        ('{"body": {"bytesValue": [1, 2]}}', "bytesValue: expected a string"),
        ('{"body": {"bytesValue": {"type": "Buffer", "data": [1, 2]}}}', "bytesValue: expected a string"),
        ('{"body": {"bytesValue": {"0": 1, "1": 2}}}', "bytesValue: expected a string"),
        ('{"body": {"bytesValue": "s*cret"}}', "bytesValue: not base64"),
        ('{"body": {"boolValue": "true"}}', "boolValue: expected true or false"),
        ('{"body": {"arrayValue": {"values": [null]}}}', "values: expected an object"),
        ('{"body": {"arrayValue": {"values": {}}}}', "values: expected an array"),
        ('{"body": {"stringValue": "secret", "intValue": 1}}', "body: more than one of value's alternatives is set"),
        ('{"body": "secret"}', "body: expected an object"),
        ('{"attributes": [null]}', "attributes: expected an object"),
        ('{"attributes": {"a": "secret"}}', "attributes: expected an array"),
        ('{"traceId": "secret"}', "traceId: not hex"),
        ('{"eventName": 5}', "eventName: expected a string"),
        ('{"eventName": "a", "eventName": "secret"}', "eventName: the key is there more than once"),
        ('{"eventName": "a", "event_name": "secret"}', "eventName: the key is there more than once"),
        ('{"severityNumber": "secret"}', "severityNumber: not an integer"),
        ('{"severityNumber": 2147483648}', "severityNumber: out of range"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_is_set_apart_with_its_resource(written: str, reason: str) -> None:
    converted = convert(with_neighbours(written))
    assert names(converted) == ["first", "last"]
    (one,) = converted.unreadable
    assert (one.position, one.reason, one.records) == (1, f"the record can't be read: {reason}", 1)
    assert "secret" not in one.reason
    plain = json.dumps({"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": ["?"]}]}]})
    assert one.raw == plain.replace(" ", "").replace('"?"', written.replace(" ", "")).encode()
    assert convert(one.raw).unreadable == (RejectedRecord(0, one.reason, one.raw),), "a replay finds the same fault"
    assert legible(one.raw).resource_logs[0].resource.attributes[0].value.string_value == "a-bot"


def test_what_a_letter_keeps_of_numbers_and_doubled_keys_is_what_came() -> None:
    for written in ('{"eventName":"a","eventName":"b"}', r'{"eventName":5,"severityText":"\ud83d"}'):
        assert written.encode() in convert(with_neighbours(written)).unreadable[0].raw


@pytest.mark.parametrize(
    ("entry", "reasons"),
    [
        ({"resource": {"attributes": [None]}, "scopeLogs": [{"logRecords": GOOD}]}, ["attributes: expected an object"] * 2),
        ({"resource": 5, "scopeLogs": [{"logRecords": GOOD}]}, ["resource: expected an object"] * 2),
        ({"schemaUrl": 5, "scopeLogs": [{"logRecords": GOOD}, {"logRecords": GOOD}]}, ["schemaUrl: expected a string"] * 4),
        ({"scopeLogs": [{"scope": {"name": 5}, "logRecords": GOOD}]}, ["name: expected a string"] * 2),
        ({"scopeLogs": {"logRecords": GOOD}}, ["scopeLogs: expected an array"]),
        ({"scopeLogs": [{"logRecords": {}}]}, ["logRecords: expected an array"]),
        ({"scopeLogs": [None]}, ["expected an object"]),
        (None, ["expected an object"]),
        ({"resource": RESOURCE, "instrumentationLibraryLogs": [{}]}, ["no scope_logs, and keys that OTLP does not know"]),
        ({"scopeLogs": [{"logs": GOOD}]}, ["no log_records, and keys that OTLP does not know"]),
    ],
)  # fmt: skip
def test_a_fault_above_the_records_concerns_all_of_them_and_no_others(entry: Any, reasons: list[str]) -> None:
    neighbour = {"scopeLogs": [{"logRecords": GOOD}]}
    converted = convert(json.dumps({"resourceLogs": [neighbour, entry, neighbour]}).encode())
    assert names(converted) == ["first", "last"] * 2
    assert [one.reason.removeprefix("the record can't be read: ") for one in converted.unreadable] == reasons
    assert [one.position for one in converted.unreadable] == list(range(2, 2 + len(reasons)))


def test_records_under_a_doubled_key_are_all_there() -> None:
    part = json.dumps([{"scopeLogs": [{"logRecords": GOOD}]}])
    assert names(convert(f'{{"resourceLogs": {part}, "resource_logs": {part}}}'.encode())) == ["first", "last"] * 2


def test_letters_do_not_repeat_a_large_resource_for_each_record() -> None:
    large = {"attributes": [{"key": "k", "value": {"stringValue": "x" * 300_000}}]}
    entry = {
        "resource": large,
        "scopeLogs": [{"scope": {"name": "s"}, "logRecords": [None, *GOOD, None, {"flags": -1}] * 500}],
    }
    body = json.dumps({"resourceLogs": [entry]}).encode()
    converted = convert(body)
    assert len(names(converted)) == 1000
    assert sorted(one.records for one in converted.unreadable) == [500, 1000]
    assert sum(len(one.raw) for one in converted.unreadable) < 5 * len(body)
    (again,) = convert(converted.unreadable[0].raw).unreadable
    assert again.records == converted.unreadable[0].records


WRONG: list[Any] = [
    None, True, -1, 1.5, 2**63, 2**64, 10**40, float("nan"), "", "x", "\ud83d", "1e3", "5.0", [], [None], {}, {"x": 1},
    {"type": "Buffer", "data": [1]}, {"stringValue": "x", "intValue": "1"},
]  # fmt: skip


def records_in(document: Any) -> int:
    """How many elements stand where records belong, or where what holds them belongs and can't."""
    count = 0
    for entry in document["resourceLogs"]:
        scopes = entry.get("scopeLogs") if isinstance(entry, dict) else 0
        for scope in scopes if isinstance(scopes, list) else ():
            records = scope.get("logRecords") if isinstance(scope, dict) else 0
            count += len(records) if isinstance(records, list) else 0
    return count


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(otlp.requests, st.data())
def test_any_mutation_of_a_request_is_stored_or_set_apart_or_refused(
    request: ExportLogsServiceRequest, data: st.DataObject
) -> None:
    document = copy.deepcopy(as_otlp_json(request))
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(document))
        if not found:
            break
        container, key = data.draw(st.sampled_from(found))
        action = data.draw(st.sampled_from(["replace", "remove", "rename"]))
        if action == "remove":
            del container[key]
        elif action == "rename" and isinstance(container, dict):
            container[data.draw(st.sampled_from(["", "x", key.upper(), f"{key}s"]))] = container.pop(key)
        else:
            container[key] = data.draw(st.sampled_from(WRONG))
    body = json.dumps(document).encode()
    try:
        converted = convert(body)
    except MalformedError:
        assert not isinstance(document.get("resourceLogs", None), list)
        return
    stored = len(names(converted))
    rejected = sum(one.records for one in converted.unreadable)
    assert stored + rejected >= (records_in(document) if document.get("resourceLogs") else 0)
    for one in converted.unreadable:
        again = convert(one.raw)
        assert not names(again)
        assert sum(letter.records for letter in again.unreadable) == one.records
