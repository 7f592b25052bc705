"""Decoding events from a batch, on demand and once."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.errors import MalformedError
from sidecar.otlp.attributes import AttributeValue, value_of
from sidecar.otlp.batch import Batch, EventRecord
from tests.support import otlp

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_events_are_decoded_by_type_in_order_and_once() -> None:
    first = otlp.event(
        "command", "7", {"flag": True, "size": 1.5, "raw": b"\0"}, at=5, event_id="0190a000-0000-7000-8000-00000000000a"
    )
    body = otlp.request(first, otlp.event("user_message"), otlp.event("command", "8"), LogRecord())
    batch = Batch.parse(body, NOW)
    commands = batch.events(frozenset({"command"}))
    assert commands[0] == EventRecord(
        type="command",
        event_id="0190a000-0000-7000-8000-00000000000a",
        user_id="7",
        timestamp=5,
        attributes={"event.id": "0190a000-0000-7000-8000-00000000000a", "user.id": "7", "flag": True, "size": 1.5,
                    "raw": b"\0"},
        resource={"service.name": "test-bot", "service.instance.id": "i-1"},
    )  # fmt: skip
    assert [event.user_id for event in commands] == ["7", "8"]
    assert batch.events(frozenset({"command"})) is commands
    assert batch.events(frozenset({"nothing"})) == []
    assert batch.record_count == 4


def test_a_doubled_key_keeps_its_first_value_and_times_fall_back_to_observation() -> None:
    record = otlp.event("command", at=0)
    record.time_unix_nano, record.observed_time_unix_nano = 0, 9
    record.attributes.extend(otlp.event("command", "second").attributes)
    (event,) = Batch.parse(otlp.request(record), NOW).events(frozenset({"command"}))
    assert (event.user_id, event.timestamp) == ("7", 9)


def test_a_hashed_user_is_a_user() -> None:
    record = otlp.event("command", "", {"user.hash": "abc"})
    assert Batch.parse(otlp.request(record), NOW).events(frozenset({"command"}))[0].user_id == "abc"


def test_what_is_no_request_is_malformed_without_quoting() -> None:
    with pytest.raises(MalformedError, match="ExportLogsServiceRequest") as caught:
        Batch.parse(b"secret", NOW)
    assert "secret" not in str(caught.value)


def test_the_digest_is_of_the_exact_bytes() -> None:
    body = otlp.request(otlp.event("command"))
    assert Batch.parse(body, NOW).digest == Batch.parse(bytes(body), NOW).digest
    assert (
        Batch.parse(body, NOW).digest != Batch.parse(body + b"\x10\x01", NOW).digest
    )  # an unknown field: still other bytes


@settings(max_examples=40)
@given(otlp.requests)
def test_any_request_can_be_decoded(request: ExportLogsServiceRequest) -> None:
    batch = Batch.parse(request.SerializeToString(), NOW)
    for entry in batch.request.resource_logs:
        for scope in entry.scope_logs:
            for record in scope.log_records:
                _plain(value_of(record.body))
    for event in batch.events(frozenset({"user_message", "made_up", ""})):
        _plain(dict(event.attributes))


def _plain(value: AttributeValue) -> None:
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _plain(item)
    else:
        assert value is None or isinstance(value, str | bool | int | float | bytes)


def _resources(batch: Batch) -> list[str]:
    return [entry.resource.attributes[0].value.string_value for entry in batch.request.resource_logs]


def test_a_sidecars_own_records_are_told_from_senders_the_same_way_each_time() -> None:
    theirs, ours = otlp.request(otlp.event("command")), otlp.request(LogRecord(), service="chattrail-sidecar")
    assert [part.body for part in Batch.parse(theirs, NOW).by_origin()] == [theirs]
    assert not Batch.parse(theirs, NOW).is_own
    assert [part.body for part in Batch.parse(ours, NOW).by_origin()] == [ours]
    mixed = theirs + ours + theirs  # protobuf joins repeated fields
    parts = Batch.parse(mixed, NOW).by_origin()
    assert [_resources(part) for part in parts] == [["test-bot", "test-bot"], ["chattrail-sidecar"]]
    assert [part.is_own for part in parts] == [False, True]
    assert [part.digest for part in parts] == [part.digest for part in Batch.parse(mixed, NOW).by_origin()]


def test_unreadable_records_stay_with_the_whole_which_is_a_senders_then() -> None:
    broken = otlp.request(otlp.event("command", "cafe")).replace(b"cafe", b"caf\xff")
    batch = Batch.parse(broken + otlp.request(LogRecord(), service="chattrail-sidecar"), NOW)
    assert len(batch.unreadable) == 1
    assert batch.by_origin() == [batch]
    assert not batch.is_own


@settings(max_examples=25)
@given(otlp.requests, otlp.requests)
def test_taking_apart_keeps_every_record_as_it_was(
    first: ExportLogsServiceRequest, second: ExportLogsServiceRequest
) -> None:
    for entry in second.resource_logs:
        del entry.resource.attributes[:]
        entry.resource.attributes.add(key="service.name").value.string_value = "chattrail-sidecar"
    whole = Batch.parse(first.SerializeToString() + second.SerializeToString(), NOW)
    entries = [
        entry.SerializeToString()
        for part in whole.by_origin()
        for entry in Batch.parse(part.body, NOW).request.resource_logs
    ]
    assert entries == [entry.SerializeToString() for entry in whole.request.resource_logs]
