"""Export over real HTTP and gRPC, on good days and bad: every event is exported, queued or counted as dropped."""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from chattrail import Person, Tracker, create_tracker
from chattrail.batching import Limits
from chattrail.events import Command, ImageGenerated, UserMessage
from tests.fakes.otlp_receiver import Inbox, OtlpGrpcReceiver, OtlpReceiver, until

ANN = Person(1001)
QUICK = Limits(delay=0.02, retry=(0.02, 0.1))


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def http() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


@pytest.fixture(params=["http/protobuf", "grpc"])
def receiver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", request.param)
    with OtlpReceiver() if request.param != "grpc" else OtlpGrpcReceiver() as receiver:
        yield receiver


def say(tracker: Tracker, how_many: int, first: int = 0) -> None:
    for number in range(first, first + how_many):
        tracker.track(UserMessage(text=str(number)), user=ANN)


def numbers(inbox: Inbox) -> list[int]:
    return [int(record.attributes["chattrail.message.text"]) for record in inbox.records]


def accounted(tracker: Tracker) -> bool:
    counts = tracker.counts()
    return counts.emitted == counts.exported + counts.dropped + counts.queued


def test_events_arrive_in_order_with_their_resource(receiver: Any) -> None:
    tracker = create_tracker("bot", service_version="1.2", environment="test", endpoint=receiver.url, limits=QUICK)
    say(tracker, 1500)
    records = receiver.wait(1500)
    tracker.shutdown()
    assert numbers(receiver) == list(range(1500))
    assert [record.attributes["event.sequence"] for record in records] == list(range(1, 1501))
    resource = records[0].resource
    assert UUID(resource["service.instance.id"]).version == 4
    assert [resource[key] for key in ("service.name", "service.version", "deployment.environment.name")] == [
        "bot",
        "1.2",
        "test",
    ]
    counts = tracker.counts()
    assert (counts.emitted, counts.exported, counts.queued, counts.dropped) == (1500, 1500, 0, 0)


def test_an_outage_costs_nothing_that_memory_can_hold(receiver: Any) -> None:
    busy = 503 if isinstance(receiver, OtlpReceiver) else 14  # UNAVAILABLE
    receiver.fail(busy, retry_after="0")
    tracker = create_tracker("bot", endpoint=receiver.url, limits=QUICK)
    say(tracker, 100)
    receiver.wait_requests(2)
    say(tracker, 100, first=100)
    assert tracker.counts().queued == 200
    receiver.recover()
    receiver.wait(200, timeout=30)
    tracker.shutdown()
    assert numbers(receiver) == list(range(200))
    assert tracker.counts().dropped == 0


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_busy_collectors_are_asked_again(http: OtlpReceiver, status: int) -> None:
    http.fail(status, times=2, retry_after="0")
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 3)
        http.wait(3)
    assert numbers(http) == [0, 1, 2]


def test_retry_after_is_honoured(http: OtlpReceiver) -> None:
    http.fail(429, times=1, retry_after="1")
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 1)
        http.wait_requests(1)
        asked = time.monotonic()
        http.wait(1)
        assert time.monotonic() - asked > 0.9


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


def test_large_pictures_travel_in_requests_of_their_own(receiver: Any) -> None:
    tracker = create_tracker("bot", endpoint=receiver.url, limits=QUICK)
    for _ in range(10):
        tracker.track(ImageGenerated(data=b"x" * 1_500_000), user=ANN)
    receiver.wait(10)
    tracker.shutdown()
    assert max(request.size for request in receiver.requests) < 4 * 1024 * 1024


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


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_a_wrong_address_or_token_is_told_and_counted(
    http: OtlpReceiver, status: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chattrail.batching._log._told", {})
    http.fail(status)
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 20)
        until(lambda: tracker.dropped == 20)
    assert len(http.requests) == 1, "the records are not to blame, so they are not sent one by one"
    assert f"HTTP {status}; check the endpoint and its headers" in caplog.text


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


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_nobody_listening_does_not_hold_the_shutdown_up(protocol: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        tracker = create_tracker("bot", endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}", protocol=protocol)
        say(tracker, 3000)
        began = time.monotonic()
        tracker.shutdown()
        assert time.monotonic() - began < 5.0
    counts = tracker.counts()
    assert (counts.emitted, counts.exported, counts.queued, dict(counts.losses)) == (3000, 0, 0, {"shutdown": 3000})
    say(tracker, 1)
    assert dict(tracker.counts().losses) == {"shutdown": 3001}
    tracker.shutdown()


def test_a_peer_that_accepts_and_hangs_does_not_hold_the_shutdown_up(receiver: Any) -> None:
    receiver.hang()
    tracker = create_tracker("bot", endpoint=receiver.url)
    say(tracker, 3000)
    receiver.wait_requests(1)
    began = time.monotonic()
    tracker.shutdown()
    assert time.monotonic() - began < 5.0
    assert accounted(tracker)
    assert tracker.dropped == 3000


def test_tracking_does_not_wait_for_a_peer_that_hangs(http: OtlpReceiver) -> None:
    http.hang()
    tracker = create_tracker("bot", endpoint=http.url, limits=QUICK)
    say(tracker, 10)
    http.wait_requests(1)
    began = time.monotonic()
    say(tracker, 1000)
    assert time.monotonic() - began < 2.0  # the peer's time limit is 10 s; tracking takes some 50 ms
    tracker.shutdown(0.5)


def test_shutdown_sends_what_is_queued(receiver: Any) -> None:
    tracker = create_tracker("bot", endpoint=receiver.url, limits=Limits(delay=60))
    say(tracker, 100)
    tracker.shutdown()
    assert numbers(receiver) == list(range(100))


def test_a_script_that_just_ends_loses_nothing(http: OtlpReceiver) -> None:
    script = (
        "from chattrail import Person, create_tracker\n"
        "from chattrail.events import Command\n"
        f"tracker = create_tracker('bot', endpoint={http.url!r})\n"
        "for _ in range(700): tracker.track(Command(name='x'), user=Person(1))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert len(http.wait(700)) == 700


def test_a_lossless_script_waits_for_room(http: OtlpReceiver) -> None:
    http.fail(503, times=2, retry_after="0")
    limits = Limits(queue_records=50, batch_records=20, delay=0.01, retry=(0.01, 0.05))
    tracker = create_tracker("bot", endpoint=http.url, when_full="wait", limits=limits)
    say(tracker, 1000)
    assert tracker.flush(30)
    tracker.shutdown()
    assert numbers(http) == list(range(1000))
    assert tracker.dropped == 0


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


def test_a_child_does_not_speak_on_its_parents_connection(http: OtlpReceiver) -> None:
    tracker = create_tracker("bot", endpoint=http.url, limits=QUICK)
    say(tracker, 10)
    http.wait(10)
    child = os.fork()
    if child == 0:
        try:
            say(tracker, 10, first=100)
            tracker.shutdown()
        finally:
            os._exit(0)
    say(tracker, 10, first=10)
    os.waitpid(child, 0)
    http.wait(30)
    tracker.shutdown()
    assert sorted(numbers(http)) == [*range(20), *range(100, 110)]
    assert len({record.resource["service.instance.id"] for record in http.records}) == 2


class TestVariables:
    def test_the_standard_ones_work(self, http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc,x-team=a")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name=h1")
        with create_tracker("bot", limits=QUICK) as tracker:
            say(tracker, 1)
            (record,) = http.wait(1)
        (request,) = http.requests
        assert request.path == "/v1/logs"
        assert request.headers["authorization"] == "Bearer abc"
        assert request.headers["x-team"] == "a"
        assert request.headers["content-encoding"] == "gzip"
        assert record.resource["host.name"] == "h1"

    def test_the_logs_endpoint_is_taken_as_it_is(self, http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", f"{http.url}/custom")
        with create_tracker("bot", limits=QUICK) as tracker:
            say(tracker, 1)
            http.wait(1)
        assert http.requests[0].path == "/custom"

    @pytest.mark.parametrize("compression", ["none", "gzip"])
    def test_grpc_knows_the_same_compressions(self, compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
        with (
            OtlpGrpcReceiver() as receiver,
            create_tracker(
                "bot", endpoint=receiver.url, protocol="grpc", headers={"x-a": "b"}, limits=QUICK
            ) as tracker,
        ):
            say(tracker, 1)
            receiver.wait(1)
        assert receiver.requests[0].headers["x-a"] == "b"

    def test_the_time_limit_is_honoured(self, http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
        http.hang()
        with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
            say(tracker, 1)
            http.wait_requests(2)
            http.recover()
            http.wait(1)

    def test_arguments_win(self, http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:1/v1/logs")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        with create_tracker(
            "bot", endpoint=f"{http.url}/", protocol="http/protobuf", headers={"x-a": "b"}, limits=QUICK
        ) as tracker:
            say(tracker, 1)
            http.wait(1)
        assert http.requests[0].headers["x-a"] == "b"

    def test_a_disabled_sdk_records_nothing(self, http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
            say(tracker, 1)
        assert tracker.counts().emitted == 0
        assert http.requests == []

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/json'; it can be"),
            ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "tcp", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL is 'tcp'; it can be"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is no URL of a collector"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "ftp://x", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT is no URL"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "OTEL_EXPORTER_OTLP_TIMEOUT is 'soon'"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip", "OTEL_EXPORTER_OTLP_COMPRESSION is 'zip'"),
        ],
    )
    def test_a_wrong_one_is_named(self, name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, value)
        with pytest.raises(ValueError, match=said):
            create_tracker("bot")

    def test_arguments_are_checked(self) -> None:
        with pytest.raises(ValueError, match="endpoint is no URL"):
            create_tracker("bot", endpoint="127.0.0.1:4318")
        with pytest.raises(ValueError, match="protocol is 'udp'"):
            create_tracker("bot", protocol="udp")
        with pytest.raises(ValueError, match="service_name is empty"):
            create_tracker("")


def test_secrets_of_an_endpoint_are_not_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chattrail.batching._log._told", {})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://user:canary@127.0.0.1:{taken.getsockname()[1]}/v1/logs?key=canary"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
        with caplog.at_level(logging.DEBUG, "chattrail"), create_tracker("bot", limits=QUICK) as tracker:
            say(tracker, 1)
            until(lambda: "events wait for" in caplog.text)
    assert "canary" not in caplog.text


def test_bytes_and_nested_values_arrive_as_they_are(http: OtlpReceiver) -> None:
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        tracker.track(ImageGenerated(data=b"\x00\xff", prompt={"a": [1, None, "x"]}), user=ANN)  # type: ignore[arg-type]
        (record,) = http.wait(1)
    assert record.attributes["chattrail.image.data"] == b"\x00\xff"
    assert record.attributes["chattrail.image.prompt"] == {"a": (1, None, "x")}
