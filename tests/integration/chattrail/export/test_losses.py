"""Memory that is full and records that are refused: what is lost is counted, and logged once."""

import logging
import threading
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from chattrail import create_tracker
from chattrail.events import Command, ImageGenerated, UserMessage
from chattrail.export.processor import Limits
from tests.integration.chattrail.export.support import ANN, QUICK, accounted, numbers, say
from tests.support.fakes.otlp_receiver import OtlpReceiver, until


def test_a_full_queue_drops_the_oldest_and_counts_them(http: OtlpReceiver, caplog: pytest.LogCaptureFixture) -> None:
    http.fail(503, retry_after="0")
    limits = Limits(queue_records=100, batch_records=10, delay=0.02, retry=(0.02, 0.05))
    tracker = create_tracker("bot", endpoint=http.url, limits=limits)
    say(tracker, 10)
    http.wait_requests(1)  # these ten are under way and stay
    with caplog.at_level(logging.WARNING, "chattrail"):
        say(tracker, 1000, first=10)
    counts = tracker.counts()
    assert (counts.emitted, counts.queued, dict(counts.losses)) == (1010, 100, {"queue_full": 910})
    assert sum("the queue is full" in line for line in caplog.messages) <= 1, "one line, not one for each event"
    http.recover()
    http.wait(100, timeout=30)
    tracker.shutdown()
    assert numbers(http) == [*range(10), *range(920, 1010)]
    assert tracker.dropped == 910
    assert accounted(tracker)


def test_memory_is_bounded_in_bytes_too(http: OtlpReceiver) -> None:
    http.fail(503, retry_after="0")
    limits = Limits(queue_bytes=1_000_000, delay=0.02, retry=(0.02, 0.05))
    tracker = create_tracker("bot", endpoint=http.url, limits=limits)
    for _ in range(50):
        tracker.track(ImageGenerated(data=b"x" * 100_000), user=ANN)
    counts = tracker.counts()
    assert counts.queued <= 10
    assert counts.dropped == 50 - counts.queued
    tracker.shutdown(0.5)


def test_a_refused_record_does_not_take_its_neighbours_along(receiver: Any) -> None:
    def has_poison(request: ExportLogsServiceRequest) -> bool:
        return b"poison" in request.SerializeToString()

    receiver.fail(400 if isinstance(receiver, OtlpReceiver) else 3, strikes=has_poison)
    tracker = create_tracker("bot", endpoint=receiver.url, limits=QUICK)
    say(tracker, 50)
    tracker.track(Command(name="poison"), user=ANN)
    say(tracker, 50, first=50)
    receiver.wait(100)
    until(lambda: tracker.dropped == 1)
    tracker.shutdown()
    assert sorted(numbers(receiver)) == list(range(100))
    assert dict(tracker.counts().losses) == {"refused": 1}
    assert accounted(tracker)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404])
def test_a_wrong_address_or_token_is_told_and_counted(
    http: OtlpReceiver, status: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chattrail.export.processor._log._logged", {})
    http.fail(status)
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 20)
        until(lambda: tracker.dropped == 20)
    assert len(http.requests) == 1, "the records are not to blame, so they are not sent one by one"
    assert f"HTTP {status}; check the endpoint and its headers" in caplog.text


def test_a_web_page_is_no_receipt(
    http: OtlpReceiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chattrail.export.processor._log._logged", {})
    http.fail(200, content_type="text/html; charset=utf-8")
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 20)
        until(lambda: tracker.dropped == 20)
    assert tracker.counts().exported == 0
    assert "a web page; check the endpoint and its headers" in caplog.text


@pytest.mark.parametrize("status", [202, 204])
def test_a_success_without_a_body_is_a_receipt(http: OtlpReceiver, status: int) -> None:
    http.fail(status)
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 20)
        until(lambda: tracker.counts().exported == 20)
    assert tracker.dropped == 0


def test_a_record_that_cannot_be_encoded_is_set_apart(http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chattrail.compose.sanitize", lambda value: value)  # as if sanitising had a hole
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 5)
        tracker.track(UserMessage(kind="\ud800"), user=ANN)
        tracker.track(UserMessage(text="5"), user=ANN)
        until(lambda: tracker.counts().queued == 0)
        counts = tracker.counts()
    assert counts.exported + counts.dropped == 7
    assert len(http.records) >= 6


def test_the_books_balance_while_threads_write_and_the_collector_stumbles(http: OtlpReceiver) -> None:
    limits = Limits(queue_records=200, batch_records=20, delay=0.005, retry=(0.005, 0.01))
    tracker = create_tracker("bot", endpoint=http.url, limits=limits)
    over = threading.Event()
    bad: list[object] = []

    def audit() -> None:
        while not over.is_set():
            counts = tracker.counts()
            if counts.emitted != counts.exported + counts.dropped + counts.queued:
                bad.append(counts)

    writers = [threading.Thread(target=say, args=(tracker, 500)) for _ in range(6)]
    auditor = threading.Thread(target=audit)
    auditor.start()
    for writer in writers:
        writer.start()
    http.fail(503, times=5, retry_after="0")
    for writer in writers:
        writer.join()
    assert tracker.flush(30)
    over.set()
    auditor.join()
    tracker.shutdown()
    assert bad == []
    counts = tracker.counts()
    assert counts.emitted == 3000
    assert counts.exported == len(http.records)
    assert counts.dropped == 3000 - len(http.records)
