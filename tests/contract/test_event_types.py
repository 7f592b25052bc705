"""What every type of the registry keeps, taken from the registry itself: it travels by both protocols, and whole."""

from collections.abc import Iterator
from typing import Any

import pytest

from chattrail import Chat, Person, Tracker, create_tracker
from chattrail.events import COMMON, EVENT_TYPES, RESOURCE, Event, attributes_of
from chattrail.export.processor import Limits
from tests.support.event_types import example, least
from tests.support.fakes.otlp_receiver import OtlpGrpcReceiver, OtlpReceiver

Wire = tuple[Tracker, OtlpReceiver | OtlpGrpcReceiver]


@pytest.fixture(scope="module", params=["http/protobuf", "grpc"])
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    with OtlpGrpcReceiver() if request.param == "grpc" else OtlpReceiver() as receiver:
        tracker = create_tracker(
            "contract",
            service_version="1",
            environment="test",
            endpoint=receiver.url,
            protocol=request.param,
            limits=Limits(delay=0.01),
        )
        yield tracker, receiver
        tracker.shutdown()
        assert tracker.dropped == 0


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_a_type_travels_whole(event: type[Event], wire: Wire) -> None:
    tracker, receiver = wire
    before = len(receiver.records)
    tracker.track(example(event), user=Person(1001), chat=Chat(1001), message_id=3)
    record = receiver.wait(before + 1)[before]
    assert record.event_name == f"chattrail.{event.type}"
    sent: dict[str, Any] = {attribute.name: attribute.example for attribute in attributes_of(event).values()}
    for name in [name for name in sent if name.endswith(".*")]:
        sent |= {f"{name[:-1]}{key}": value for key, value in sent.pop(name).items()}
    assert {name: record.attributes.get(name) for name in sent} == sent
    for name, value in sent.items():
        assert type(record.attributes[name]) is type(value), name
    assert list(record.attributes)[:3] == ["event.id", "event.sequence", "user.id"]


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=EVENT_TYPES)
def test_a_type_says_nothing_that_is_not_documented(event: type[Event], wire: Wire) -> None:
    tracker, receiver = wire
    before = len(receiver.records)
    tracker.track(
        least(event), user=Person(1001, "ann", "Ann", "en", False), chat=Chat(1001), persona_id="a", story_id="b"
    )
    record = receiver.wait(before + 1)[before]
    documented = {attribute.name for attribute in (*COMMON, *attributes_of(event).values())}
    assert set(record.attributes) <= documented
    assert {attribute.name for attribute in RESOURCE} <= set(record.resource)
