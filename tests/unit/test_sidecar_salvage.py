"""Records that protobuf refuses are parted from their neighbours, and what is no request at all is told apart from that."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.batch import Batch
from sidecar.errors import Malformed
from sidecar.salvage import origin_of, salvage
from tests.otlp import event, records, request, requests
from tests.wire import MARK, SPOILED, spoiled, too_deep

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_neighbours_stay_and_positions_count_through_the_batch() -> None:
    sent = [event("command"), event("user_message", text=MARK), event("command"), event("command")]
    batch = Batch.parse(spoiled(*sent[:3]) + too_deep() + request(sent[3]), NOW)
    stored = [r for entry in batch.request.resource_logs for scope in entry.scope_logs for r in scope.log_records]
    assert stored == [sent[0], sent[2], sent[3]]
    assert [one.position for one in batch.unreadable] == [1, 3]
    assert ["UTF-8" in one.reason for one in batch.unreadable] == [True, False]
    assert all("spoiled" not in one.reason for one in batch.unreadable)
    assert batch.unreadable[0].raw == spoiled(sent[1])
    assert batch.record_count == 5


def test_a_resource_at_fault_takes_its_own_records_only() -> None:
    bad, good = ExportLogsServiceRequest(), ExportLogsServiceRequest.FromString(request(event("command")))
    entry = bad.resource_logs.add()
    entry.resource.attributes.add(key="service.name").value.string_value = MARK
    entry.scope_logs.add().log_records.extend([event("command"), event("command")])
    batch = Batch.parse(bad.SerializeToString().replace(MARK.encode(), SPOILED) + good.SerializeToString(), NOW)
    assert batch.request == good
    assert [one.position for one in batch.unreadable] == [0, 1]
    assert not origin_of(batch.unreadable[0].raw).resource.attributes


def test_the_resource_of_an_unreadable_record_is_known() -> None:
    (one,) = Batch.parse(spoiled(event("command", text=MARK)), NOW).unreadable
    assert (
        origin_of(one.raw).resource
        == ExportLogsServiceRequest.FromString(request(event("command"))).resource_logs[0].resource
    )


def test_the_digest_tells_unreadable_records_apart() -> None:
    kept, bad = event("command"), event("user_message", text=MARK)
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
    except Malformed as error:
        told = str(error)
    else:
        return
    assert "not an OTLP" in told


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_body_cut_off_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed, match="not an OTLP"):
        Batch.parse(request(event("command", text="x" * 200))[:-cut], NOW)
