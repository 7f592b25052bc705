"""Records that protobuf refuses are parted from their neighbours, and a body that is not a request is another error."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.errors import MalformedError
from sidecar.otlp.batch import Batch
from sidecar.otlp.salvage import RejectedRecord, salvage
from sidecar.otlp.wire import Origin, encode
from sidecar.plugins.clickhouse.insert_dead_letters import whole
from tests.support.otlp import event, records, request, requests
from tests.support.wire import MARK, SPOILED, spoiled, too_deep

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_neighbours_stay_and_positions_count_through_the_batch() -> None:
    sent = [event("command"), event("user_message", attributes={"text": MARK}), event("command"), event("command")]
    batch = Batch.parse(spoiled(*sent[:3]) + too_deep() + request(sent[3]), NOW)
    stored = [r for entry in batch.request.resource_logs for scope in entry.scope_logs for r in scope.log_records]
    assert stored == [sent[0], sent[2], sent[3]]
    assert [one.position for one in batch.unreadable] == [1, 3]
    assert ["UTF-8" in one.reason for one in batch.unreadable] == [True, False]
    assert all("spoiled" not in one.reason for one in batch.unreadable)
    assert _whole(batch.unreadable[0]) == spoiled(sent[1])
    assert batch.record_count == 5


def test_a_text_of_a_resource_that_is_not_utf8_costs_no_record() -> None:
    bad, good = ExportLogsServiceRequest(), ExportLogsServiceRequest.FromString(request(event("command")))
    entry = bad.resource_logs.add()
    for key in ("host.name", MARK):
        entry.resource.attributes.add(key=key).value.string_value = MARK
    entry.resource.attributes.add(key="list").value.array_value.values.add().string_value = MARK
    entry.resource.attributes.add(key="raw").value.bytes_value = SPOILED
    scope = entry.scope_logs.add(schema_url=MARK)
    scope.scope.name = MARK
    scope.log_records.extend([event("command"), event("command")])
    sent = bad.SerializeToString().replace(MARK.encode(), SPOILED)
    batch = Batch.parse(sent + good.SerializeToString(), NOW)
    text = SPOILED.decode(errors="replace")
    (first, second) = batch.request.resource_logs
    assert [pair.value.string_value for pair in first.resource.attributes[:2]] == [text, text]
    assert first.resource.attributes[1].key == text
    assert first.resource.attributes[2].value.array_value.values[0].string_value == text
    assert first.resource.attributes[3].value.bytes_value == SPOILED, "bytes are no text"
    assert (first.scope_logs[0].schema_url, first.scope_logs[0].scope.name) == (text, text)
    assert list(first.scope_logs[0].log_records) == list(scope.log_records)
    assert second == good.resource_logs[0]
    assert (batch.unreadable, batch.mended) == ((), 1)


def test_a_resource_that_can_not_be_mended_takes_its_own_records_only() -> None:
    good = ExportLogsServiceRequest.FromString(request(event("command")))
    nested = b""
    for _ in range(200):
        nested = encode(5, encode(1, nested))  # AnyValue.array_value, ArrayValue.values
    head = encode(1, encode(1, encode(2, nested)))  # ResourceLogs.resource, Resource.attributes, KeyValue.value
    record = encode(2, event("command").SerializeToString())
    batch = Batch.parse(Origin(head).request(record * 2) + good.SerializeToString(), NOW)
    assert batch.request == good
    assert [one.position for one in batch.unreadable] == [0, 1]
    assert all("resource or scope" in one.reason for one in batch.unreadable)
    assert batch.unreadable[0].origin is batch.unreadable[1].origin, "held once"
    assert _whole(batch.unreadable[0]) == Origin(head).request(record)


def _whole(letter: RejectedRecord) -> bytes:
    assert letter.origin is not None
    return whole(letter.raw, letter.origin)


def test_the_digest_tells_unreadable_records_apart() -> None:
    kept, bad = event("command"), event("user_message", attributes={"text": MARK})
    one, same, other = (
        Batch.parse(
            request(kept) + request(bad).replace(MARK.encode(), b"\xff" * count + b"." * (len(MARK) - count)), NOW
        )
        for count in (1, 1, 2)
    )
    assert one.body == same.body == other.body
    assert one.digest == same.digest != other.digest


@given(st.lists(records(), max_size=5), st.data())
@settings(max_examples=60)
def test_any_records_are_kept_whatever_stands_between_them(good: list[LogRecord], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(good)))
    body = request(*good[:place]) + too_deep() + request(*good[place:])
    batch = Batch.parse(body, NOW)
    assert [r for e in batch.request.resource_logs for s in e.scope_logs for r in s.log_records] == good
    assert [one.position for one in batch.unreadable] == [place]


@given(requests)
@settings(max_examples=60)
def test_a_request_without_fault_comes_back_as_it_is(sent: ExportLogsServiceRequest) -> None:
    saved = salvage(sent.SerializeToString())
    again = ExportLogsServiceRequest.FromString(saved.body)
    kept = [r for e in again.resource_logs for s in e.scope_logs for r in s.log_records]
    assert kept == [r for e in sent.resource_logs for s in e.scope_logs for r in s.log_records]
    assert saved.unreadable == ()


@given(st.binary(max_size=40))
@settings(max_examples=300)
def test_noise_is_a_request_or_malformed(noise: bytes) -> None:
    try:
        Batch.parse(noise, NOW)
    except MalformedError as error:
        message = str(error)
    else:
        return
    assert "not an OTLP" in message


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_body_cut_off_is_malformed(cut: int) -> None:
    with pytest.raises(MalformedError, match="not an OTLP"):
        Batch.parse(request(event("command", attributes={"text": "x" * 200}))[:-cut], NOW)
