"""Export over real HTTP and gRPC: events arrive in order and as they are, and a stumbling collector costs none."""

import os
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
import requests

from chattrail import create_tracker
from chattrail.events import ImageGenerated
from chattrail.export.processor import Limits
from chattrail.export.transport import OtlpSession
from tests.integration.chattrail.export.support import ANN, QUICK, numbers, say
from tests.support.fakes.otlp_receiver import OtlpReceiver


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


@pytest.mark.parametrize(
    ("asked", "at_least", "at_most"),
    [
        ("7", 7, 7),
        (590, 570, 590),
        (-120, 0, 0),
        (86400, 600, 600),
        ("Sat, 99 Nov 2026 10:00:00 GMT", 0, 0),
        ("soon", 0, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    http: OtlpReceiver, asked: str | int, at_least: float, at_most: float
) -> None:
    given = asked if isinstance(asked, str) else formatdate(time.time() + asked, usegmt=True)
    http.fail(503, times=1, retry_after=given)
    with OtlpSession() as session:
        session.post(f"{http.url}/v1/logs", data=b"")
        assert at_least <= session.result.retry_after <= at_most


class _Sticky(BaseHTTPRequestHandler):
    """Answers with a cookie, as a load balancer does that wants to see its clients again, from the second request on."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((body, self.headers["cookie"], self.headers["authorization"]))  # type: ignore[attr-defined]
        self.send_response(200)
        if len(self.server.seen) > 1:  # type: ignore[attr-defined]
            self.send_header("set-cookie", f"node={len(self.server.seen)}")  # type: ignore[attr-defined]
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_each_request_has_its_own_body_and_what_the_peer_wants_to_see_again() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sticky) as server, OtlpSession() as session:
        server.seen = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1/logs"
        for body, headers in (
            (b"one", {}),
            (b"the second", {"authorization": "x"}),
            (b"", {"authorization": "x"}),
            (b"4", {}),
        ):
            session.post(url, data=body, headers=headers)
        server.shutdown()
    assert server.seen == [  # type: ignore[attr-defined]
        (b"one", None, None), (b"the second", None, "x"), (b"", "node=2", "x"), (b"4", "node=3", None),
    ]  # fmt: skip


def test_the_environment_is_read_once_for_an_address(http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = requests.Session.merge_environment_settings

    def merge(self: requests.Session, url: Any, *settings: Any) -> Any:
        read.append(url)
        return real(self, url, *settings)

    monkeypatch.setattr(requests.Session, "merge_environment_settings", merge)
    with OtlpSession() as session:
        for path in ("/v1/logs", "/v1/logs", "/v1/traces", "/v1/logs"):
            session.post(f"{http.url}{path}", data=b"")
    assert read == [f"{http.url}/v1/logs", f"{http.url}/v1/traces"]


def test_large_images_travel_in_requests_of_their_own(receiver: Any) -> None:
    tracker = create_tracker("bot", endpoint=receiver.url, limits=QUICK)
    for _ in range(10):
        tracker.track(ImageGenerated(data=b"x" * 1_500_000), user=ANN)
    receiver.wait(10)
    tracker.shutdown()
    assert max(request.size for request in receiver.requests) < 4 * 1024 * 1024


def test_tracking_does_not_wait_for_a_peer_that_hangs(http: OtlpReceiver) -> None:
    http.hang()
    tracker = create_tracker("bot", endpoint=http.url, limits=QUICK)
    say(tracker, 10)
    http.wait_requests(1)
    say(tracker, 1000)
    assert (tracker.emitted, tracker.counts().exported, tracker.dropped) == (1010, 0, 0)
    tracker.shutdown(0.5)


def test_a_lossless_script_waits_for_room(http: OtlpReceiver) -> None:
    http.fail(503, times=2, retry_after="0")
    limits = Limits(queue_records=50, batch_records=20, delay=0.01, retry=(0.01, 0.05))
    tracker = create_tracker("bot", endpoint=http.url, when_full="wait", limits=limits)
    say(tracker, 1000)
    assert tracker.flush(30)
    tracker.shutdown()
    assert numbers(http) == list(range(1000))
    assert tracker.dropped == 0


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


def test_bytes_and_nested_values_arrive_as_they_are(http: OtlpReceiver) -> None:
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        tracker.track(ImageGenerated(data=b"\x00\xff", prompt={"a": [1, None, "x"]}), user=ANN)  # type: ignore[arg-type]
        (record,) = http.wait(1)
    assert record.attributes["chattrail.image.data"] == b"\x00\xff"
    assert record.attributes["chattrail.image.prompt"] == {"a": (1, None, "x")}
