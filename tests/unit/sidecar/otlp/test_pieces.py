"""Requests are cut at record boundaries by what they cost, always in the same way, and nothing gets lost on the way."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.errors import MalformedError
from sidecar.otlp import pieces
from sidecar.otlp.batch import Batch
from sidecar.otlp.pieces import Piece, cut
from sidecar.otlp.salvage import RejectedRecord
from sidecar.otlp.wire import Origin, encode
from tests.support.otlp import event, request, requests

NOW = datetime(2026, 11, 27, tzinfo=UTC)
EMPTY = encode(2, b"")  # a log record without anything


def origin(attributes: int = 0, size: int = 0) -> Origin:
    """A resource with so many empty attributes, and one of a size."""
    pair = encode(1, encode(1, b"k") + encode(2, encode(1, b"x" * size)))
    return Origin(encode(1, pair + encode(1, b"") * attributes))


def array(elements: int) -> bytes:
    """A log record whose body is an array of so many values."""
    return encode(2, encode(5, encode(5, encode(1, b"") * elements)))


def sent(body: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Each record of a request, with its resource and scope."""
    return [
        (entry.resource.SerializeToString(), scope.scope.SerializeToString(), record.SerializeToString())
        for entry in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in entry.scope_logs
        for record in scope.log_records
    ]


@given(requests)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_pieces_are_the_whole_in_order(
    monkeypatch: pytest.MonkeyPatch, sent_request: ExportLogsServiceRequest
) -> None:
    body = sent_request.SerializeToString()
    monkeypatch.setattr(pieces, "PIECE_BYTES", 2 * pieces.RECORD)
    first, again = list(cut(body)), list(cut(body))
    assert first == again, "the same body is cut in the same way"
    assert [record for piece in first for record in sent(piece.body)] == sent(body)
    assert len({Batch.of(piece, NOW).digest for piece in first}) == len(first)


def test_a_body_of_usual_size_stays_as_it_is() -> None:
    body = request(*(event("command") for _ in range(500)))
    (piece,) = cut(body)
    assert piece.body is body
    assert Batch.of(piece, NOW).digest == Batch.parse(body, NOW).digest


def test_equal_pieces_are_not_taken_for_one_sent_twice() -> None:
    body = Origin().request(EMPTY * 200_000)
    found = list(cut(body))
    assert len(found) > 2
    assert found[0].body == found[1].body
    assert len({piece.digest for piece in found}) == len(found)
    assert sum(Batch.of(piece, NOW).record_count for piece in found) == 200_000


@pytest.mark.parametrize(
    ("made", "records"),
    [
        (lambda: Origin().request(EMPTY * 300_000), 300_000),
        (lambda: origin(size=1_200).request(EMPTY * 30_000), 30_000),
        (lambda: origin(attributes=600).request(EMPTY * 3_000), 3_000),
        (lambda: Origin(scope_head=encode(1, encode(1, b"x" * 1_200))).request(EMPTY * 30_000), 30_000),
        (lambda: b"".join(origin().request(EMPTY) for _ in range(60_000)), 60_000),
        (lambda: Origin().request(array(400_000) * 5), 5),
    ],
    ids=["records", "resource", "attributes of the resource", "scope", "resources", "elements"],
)
def test_what_is_much_in_memory_is_cut_into_what_is_not(made: Callable[[], bytes], records: int) -> None:
    found = list(cut(made()))
    assert len(found) > 1
    for piece in found:
        # its own estimate, and what protobuf takes: no more than 130 bytes a record and 64 a value
        cost, parsed = pieces.weigh(piece.body)
        assert cost <= pieces.PIECE_BYTES * 1.01
        assert piece.parsed_bytes <= 64 << 20
        assert parsed <= piece.parsed_bytes * 1.1 + 1024, "what is booked"
    assert sum(Batch.of(piece, NOW).record_count for piece in found) == records


@pytest.mark.parametrize("empty", [encode(1, b""), encode(1, encode(2, b"")), encode(1, encode(1, b""))])
def test_entries_without_records_go_no_further(monkeypatch: pytest.MonkeyPatch, empty: bytes) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 8 << 20)
    assert list(cut(empty * 30_000)) == []
    (piece,) = cut(empty * 30_000 + request(event("command")))
    assert len(sent(piece.body)) == 1


def unreadable(found: list[Piece]) -> list[RejectedRecord]:
    return [one for piece in found for one in piece.unreadable]


def test_a_record_of_too_many_values_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_VALUES", 100_000)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 100_000 * pieces.VALUE)
    attributes = encode(2, encode(6, b"") * 150_000)
    nested = encode(2, encode(5, encode(5, encode(1, encode(5, encode(1, b"") * 150_000)))))
    body = request(event("command"), event("command"))
    bodies = [body, *(origin(size=3_000).request(one) for one in (array(150_000), attributes, nested)), body]
    found = list(cut(b"".join(bodies)))
    dead = unreadable(found)
    assert {one.reason for one in dead} == {pieces.TOO_MANY_VALUES}
    assert [one.origin.request(Origin.of(one.raw)[1]) for one in dead if one.origin] == bodies[1:4]
    assert [record for piece in found for record in sent(piece.body)] == sent(body) * 2


def test_texts_are_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_VALUES", 1_000)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 20)
    body = request(event("user_message", attributes={"chattrail.message.text": "2\n" * 100_000}))
    assert [piece.unreadable for piece in cut(body)] == [()]


def test_a_resource_that_can_not_be_stored_with_each_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_VALUES", 1_000)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 20)
    many_values = origin(attributes=6_000).request(EMPTY * 2_500)
    good = request(event("command"))
    found = list(cut(many_values + good))
    dead = unreadable(found)
    assert (len(dead), {one.reason for one in dead}) == (2_500, {pieces.TOO_MANY_SHARED})
    assert len({id(one.origin) for one in dead}) == 1, "held once"
    assert [one.position for one in found[0].unreadable] == list(range(pieces.UNREADABLE))
    assert [record for piece in found for record in sent(piece.body)] == sent(good)

    monkeypatch.setattr(pieces, "MOST_SHARED", 100 << 20)
    found = list(cut(origin(size=40_000).request(EMPTY * 300) + good))
    dead = unreadable(found)
    assert {one.reason for one in dead} == {pieces.TOO_MUCH_SHARED}
    stored = [record for piece in found for record in sent(piece.body)]
    assert len(stored) + len(dead) == 301
    assert len(stored) >= 125, "as many as were promised"
    assert stored[-1] == sent(good)[0], "the request after it is not concerned"


@pytest.mark.parametrize(
    "rest", [b"\x0a\x7f", b"\x03", b"\x02\x00", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
)
def test_what_is_no_request_is_refused_before_the_first_piece(rest: bytes) -> None:
    with pytest.raises(MalformedError, match="not an OTLP"):
        next(cut(Origin().request(EMPTY * 200_000) + rest))


def test_a_broken_record_in_a_large_body_is_left_to_salvage() -> None:
    broken = encode(2, b"\x2a\x7f")
    batches = [Batch.of(piece, NOW) for piece in cut(Origin().request(EMPTY * 100_000 + broken))]
    assert [len(batch.unreadable) for batch in batches] == [0] * (len(batches) - 1) + [1]


def test_a_record_is_a_log_record() -> None:
    """What these tests build by hand is what protobuf reads."""
    (piece,) = cut(origin(size=2).request(array(3)))
    ((_, _, record),) = sent(piece.body)
    assert len(LogRecord.FromString(record).body.array_value.values) == 3


def test_a_piece_of_many_resources_is_kept_as_bytes() -> None:
    one = Origin().request(EMPTY)
    found = cut(one * 100_000)
    before = sys.getallocatedblocks()
    assert next(found).body.count(one) > 10_000
    assert sys.getallocatedblocks() - before < 1_000
