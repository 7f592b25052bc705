"""What the collector takes it can deliver; what it can't is refused for good, in words, by whatever way it comes."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from chattrail.context import Person
from chattrail.events import UserMessage
from chattrail.export.pipeline import create_tracker
from chattrail.export.processor import Limits
from chattrail.record import Record
from tests.support.collector_process import Collector, Destination, event_id, records_of, until
from tests.support.collector_senders import WAYS, Send
from tests.support.otlp import event, request, uuid7

MIB = 1 << 20
SMALL = 20_000
AROUND = range(-8, 2)


FINAL = ("400: ", "INVALID_ARGUMENT: ")


@pytest.fixture(scope="module", params=["false", "true"], ids=["plain", "masked"])
def small(
    request: Any, destination: Destination, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Collector, bool]]:
    """A collector whose batches hold 20,000 bytes, without and with a privacy switch that makes texts longer."""
    folder = tmp_path_factory.mktemp("small")
    (overlay := folder / "small.yaml").write_text(
        f"processors: {{record_limiter: {{max_size: {SMALL}}}}}\n"
        "exporters: {otlp_http/sidecar: {sending_queue: {"
        f"batch: {{min_size: 1600, max_size: {SMALL}, flush_timeout: 50ms}}}}}}}}\n"
    )
    with Collector(folder, destination.url, overlay, mask_texts=request.param) as running:
        yield running, request.param == "true"


def with_text(text: str) -> LogRecord:
    return event("user_message", event_id=uuid7(0), attributes={"chattrail.message.text": text})


def e_mails(length: int) -> str:
    """A text that has this length once its addresses are masked, and three quarters of it before."""
    return "a@b.c " * (length // 8) + "y" * (length % 8)


def around_the_limit(
    collector: Collector, destination: Destination, send: Send, limit: int, text: Callable[[int], str], *steps: int
) -> None:
    """Send a record of each size around the limit with one behind it: what is acknowledged arrives, and no more."""
    # The size of a request with one record is that of its text and what one request like it has beside the text.
    first = with_text(text(limit - limit // 10))
    sent = len(destination.sizes)
    assert send(collector, request(first)) == ""
    until(lambda: event_id(first) in destination.ids(), "the first record", 60)
    beside = destination.sizes[sent] - (limit - limit // 10)
    expected: list[str] = []
    refused: list[str] = []
    for step in steps:
        large, behind = with_text(text(limit + step - beside)), with_text("behind it")
        answer = send(collector, request(large, behind))
        (refused if answer else expected).extend(map(event_id, (large, behind)))
        assert (answer == "") is (step <= 0), f"{step:+d}: {answer}"
        if answer:
            assert answer.startswith(FINAL)
            assert f"takes {limit + step} bytes" in answer
            assert f"above the limit of {limit}: nothing of the request was taken; make the record smaller" in answer
    until(lambda: set(expected) <= set(destination.ids()), "what was acknowledged", 60)
    counts = Counter(destination.ids())
    assert all(counts[one] == 1 for one in expected)
    assert not counts.keys() & set(refused)
    assert max(destination.sizes[sent:]) <= limit


@pytest.mark.parametrize("way", WAYS)
def test_around_the_limit(small: tuple[Collector, bool], destination: Destination, way: str) -> None:
    collector, masked = small
    around_the_limit(collector, destination, WAYS[way], SMALL, e_mails if masked else "x".__mul__, *AROUND)


@pytest.mark.parametrize(("way", "steps"), [("protobuf", AROUND), ("json", (0, 1)), ("grpc", (0, 1))])
def test_around_the_limit_at_its_full_size(
    collector: Collector, destination: Destination, way: str, steps: tuple[int, ...]
) -> None:
    around_the_limit(collector, destination, WAYS[way], 12 * MIB, "x".__mul__, *steps)


# Messages that take 2 bytes on the wire and more when the collector encodes them anew, most of them in one record.
EMPTY: dict[str, Callable[[int], LogRecord]] = {
    "attributes": lambda count: LogRecord(attributes=[KeyValue()] * count),
    "array": lambda count: LogRecord(body=AnyValue(array_value=ArrayValue(values=[AnyValue()] * count))),
    "map": lambda count: LogRecord(body=AnyValue(kvlist_value=KeyValueList(values=[KeyValue()] * count))),
}


@pytest.mark.parametrize("way", ["protobuf", "json", "grpc"])
@pytest.mark.parametrize("kind", EMPTY)
def test_a_record_that_grows_is_refused_or_delivered(
    small: tuple[Collector, bool], destination: Destination, kind: str, way: str
) -> None:
    collector, _ = small
    taken: list[str] = []
    answers: list[str] = []
    for count in (10, 4_000, 4_970, 4_980, 4_990, 5_000, 6_000, 9_000, 9_900, 9_980, 12_000):
        grown = EMPTY[kind](count)
        grown.MergeFrom(with_text("grown"))
        behind = with_text("behind it")
        answers.append(WAYS[way](collector, request(grown, behind)))
        taken += map(event_id, [] if answers[-1] else [grown, behind])
    assert answers[0] == ""
    assert answers[-1].startswith(FINAL)
    until(lambda: set(taken) <= set(destination.ids()), "what was acknowledged")


def test_many_records_that_grow_are_split_and_delivered(
    small: tuple[Collector, bool], destination: Destination
) -> None:
    """An empty record of 2 bytes becomes one of 8."""
    collector, _ = small
    before = len(destination.requests)
    assert collector.post(request(*[LogRecord()] * 9_000)) == 200
    until(lambda: sum(1 for _ in records_of(destination.requests[before:])) == 9_000, "9,000 records")
    assert max(destination.sizes[before:]) <= SMALL
    assert sum(destination.sizes[before:]) > 8 * 9_000


@pytest.mark.parametrize("way", [way for way in WAYS if not way.startswith("grpc")])
def test_a_body_above_the_limit_gets_its_answer_every_time(collector: Collector, way: str) -> None:
    """Not a broken connection, which a sender takes for an outage: it would send the same again without end."""
    said = (
        f"the request is larger than the limit of {16 * MIB} bytes (decompressed): nothing of it was taken; "
        "send less at a time"
    )
    body = request(*(with_text("x" * (3 * MIB)) for _ in range(6)))
    for _ in range(3):
        assert WAYS[way](collector, body) == f"400: {said}"
    assert f'"reason": "{said}"' in collector.log.read_text()


def test_a_message_above_the_limit_is_refused_over_grpc(collector: Collector) -> None:
    body = request(*(with_text("x" * (3 * MIB)) for _ in range(6)))
    answer = WAYS["grpc"](collector, body)
    assert answer.startswith("RESOURCE_EXHAUSTED: ")
    assert f"larger than max ({len(body)} vs. {16 * MIB})" in answer


def test_more_records_than_the_queue_can_hold_are_refused(destination: Destination, tmp_path: Path) -> None:
    """They would wait for room that never comes, and their sender with them."""
    with Collector(tmp_path, destination.url, queue_size="100") as collector:
        for way in ("protobuf", "json", "grpc"):
            fits, too_many = ([with_text("") for _ in range(count)] for count in (100, 101))
            answer = WAYS[way](collector, request(*too_many))
            assert answer.startswith(FINAL)
            assert "101 log records, more than the queue can hold (100): nothing of it was taken; send fewer" in answer
            assert WAYS[way](collector, request(*fits)) == ""
            until(lambda: {event_id(one) for one in fits} <= set(destination.ids()), "what was acknowledged")  # noqa: B023
            assert not {event_id(one) for one in too_many} & set(destination.ids())
        limiter = {"processor": "record_limiter"}
        assert collector.metric("otelcol_processor_incoming_items", **limiter) == 3 * 201
        assert collector.metric("otelcol_processor_outgoing_items", **limiter) == 3 * 100
        assert collector.log.read_text().count("A request was refused") == 3


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_the_tracker_delivers_all_but_what_is_refused(destination: Destination, tmp_path: Path, protocol: str) -> None:
    """Its batches are larger than this queue, and one of its records is larger than any batch."""

    def enlarge(record: Record) -> Record:
        if record.attributes.get("chattrail.message.text") == "large":
            record.attributes |= {"first": b"x" * (7 * MIB), "second": b"x" * (7 * MIB)}
        return record

    with Collector(tmp_path, destination.url, queue_size="100") as collector:
        tracker = create_tracker(
            "test-bot", endpoint=f"http://{collector.grpc}" if protocol == "grpc" else collector.http,
            protocol=protocol, before_send=enlarge, limits=Limits(delay=5),
        )  # fmt: skip
        marker = uuid7(0)
        texts = [f"{marker} {number}" for number in range(300)]
        for text in [*texts[:150], "large", *texts[150:]]:
            tracker.track(UserMessage(text=text), user=Person(id=7))
        assert tracker.flush(60)
        assert tracker.counts().losses == {"refused": 1}
        tracker.shutdown()

        def arrived() -> list[str]:
            values = (pair.value.string_value for record in destination.records() for pair in record.attributes)
            return sorted(value for value in values if value.startswith(marker))

        until(lambda: len(arrived()) >= len(texts), "every other event")
        assert arrived() == sorted(texts)


def test_a_feed_loses_the_record_that_is_too_large_for_it_and_none_behind(
    destination: Destination, tmp_path: Path
) -> None:
    """The feed's batches have 4 MiB, the sidecar's 12."""
    with (
        Destination() as vendor,
        Collector(tmp_path, destination.url, feeds="otlp", feed_otlp_endpoint=vendor.url) as collector,
    ):
        sent = [with_text("before"), with_text("x" * (5 * MIB)), with_text("behind it"), with_text("x" * (3 * MIB))]
        ids = [event_id(record) for record in sent]
        assert collector.post(request(*sent)) == 200
        until(lambda: set(ids) <= set(destination.ids()), "every record at the sidecar")
        until(lambda: set(ids) - {ids[1]} <= set(vendor.ids()), "the others at the feed")
        assert ids[1] not in vendor.ids()
        limiter = {"processor": "record_limiter/feed_otlp"}
        assert collector.metric("otelcol_processor_incoming_items", **limiter) == 4
        assert collector.metric("otelcol_processor_outgoing_items", **limiter) == 3
        main = {"processor": "record_limiter"}
        assert collector.metric("otelcol_processor_outgoing_items", **main) == 4
        assert "Log records above max_size were dropped" in collector.log.read_text()
