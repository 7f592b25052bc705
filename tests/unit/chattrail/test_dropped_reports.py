"""What a tracker lost is reported to the collector with the events that follow, so that gaps have a reason there."""

from typing import Any

import pytest

from chattrail import create_tracker
from chattrail.events import Command
from chattrail.export.processor import Limits
from tests.support.fakes.otlp_receiver import OtlpReceiver, until

PREFIX = "chattrail.dropped."


def reports(receiver: OtlpReceiver) -> list[dict[str, Any]]:
    """What each event that arrived says, those that say nothing left out."""
    found = [
        {name.removeprefix(PREFIX): value for name, value in record.attributes.items() if name.startswith(PREFIX)}
        for record in receiver.records
    ]
    return [each for each in found if each]


def test_a_full_queue_is_reported_once_in_each_batch_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    with OtlpReceiver() as receiver:
        receiver.fail(503, retry_after="0")
        limits = Limits(queue_records=100, batch_records=10, delay=0.02, retry=(0.02, 0.05))
        tracker = create_tracker("bot", endpoint=receiver.url, limits=limits)
        for _ in range(10):
            tracker.track(Command(name="x"))
        receiver.wait_requests(1)  # these ten are under way, and stay what they were when sent again
        for _ in range(200):
            tracker.track(Command(name="x"))
        receiver.recover()
        records = receiver.wait(100, timeout=30)
        tracker.shutdown()
        assert tracker.counts().losses == {"queue_full": 110}
        assert reports(receiver) == [{"queue_full": 110}] * 9
        sequences = [record.attributes["event.sequence"] for record in records]
        assert max(sequences) - len(set(sequences)) == 110, "what is reported is what is missing"


def test_other_losses_are_told_apart() -> None:
    def mistaken(record: Any) -> Any:
        return 1 / 0 if record.attributes["chattrail.command.name"] == "mistake" else record

    with OtlpReceiver() as receiver:
        receiver.fail(400, strikes=lambda request: b"poison" in request.SerializeToString())
        tracker = create_tracker(
            "bot", endpoint=receiver.url, before_send=mistaken, limits=Limits(delay=0.02, retry=(0.02, 0.1))
        )
        tracker.track(Command(name="poison"))
        until(lambda: tracker.dropped == 1)
        tracker.track(Command(name="mistake"))
        tracker.track(Command(name="fine"))
        receiver.wait(1)
        tracker.shutdown()
        assert reports(receiver) == [{"refused": 1, "failed": 1}]


def test_nothing_is_reported_while_nothing_is_lost() -> None:
    with OtlpReceiver() as receiver:
        tracker = create_tracker("bot", endpoint=receiver.url, limits=Limits(delay=0.02))
        tracker.track(Command(name="x"))
        receiver.wait(1)
        tracker.shutdown()
        assert reports(receiver) == []
