"""The sidecar's own telemetry: its metrics and logs at a collector's address, and a sidecar that doesn't mind when it is away."""

import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import requests
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from sidecar.receiver.responses import PROTOBUF
from sidecar.telemetry import internal_telemetry, loop_guard
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.internal_telemetry import QUEUE_RECORDS, RECORDS_PER_SECOND, InternalTelemetry, begin
from sidecar.telemetry.metrics import Metrics
from tests.support import otlp
from tests.support.collector_process import Destination
from tests.support.receivers import SidecarProcess, until

LOGGER = logging.getLogger("sidecar.test")


@pytest.fixture
def collector() -> Iterator[Destination]:
    with Destination() as running:
        yield running


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def sending(collector: Destination, metrics: Metrics) -> Iterator[InternalTelemetry]:
    """Own telemetry of this process, to the fake collector; ended by the test."""
    LOGGER.setLevel(logging.DEBUG)
    made = InternalTelemetry(collector.url, metrics)
    yield made
    made.end(5)


def texts(pairs: list[KeyValue]) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in pairs}


def bodies(collector: Destination) -> list[str]:
    return [record.body.string_value for record in collector.records()]


def test_a_log_record_tells_what_and_when_and_no_words_of_an_exception(
    collector: Destination, sending: InternalTelemetry
) -> None:
    before = time.time_ns()
    try:
        raise ValueError("canary-words")
    except ValueError:
        LOGGER.exception("plugin %s failed", "one")
    logging.getLogger("urllib3").error("canary-of-a-library")
    sending.end(5)
    (record,) = collector.records()
    assert record.body.string_value == "plugin one failed"
    assert (record.severity_number, record.severity_text) == (17, "ERROR")
    assert before <= record.time_unix_nano <= record.observed_time_unix_nano <= time.time_ns()
    assert texts(record.attributes) == {"exception.type": "ValueError"}
    (entry,) = collector.requests[0].resource_logs
    assert entry.scope_logs[0].scope.name == "sidecar.test"
    resource = texts(entry.resource.attributes)
    assert resource["service.name"] == "chattrail-sidecar"
    assert resource["service.version"]
    assert len(resource["service.instance.id"]) == 36
    assert b"canary" not in b"".join(request.SerializeToString() for request in collector.requests)


def test_metrics_are_sent_with_their_attributes_those_of_plugins_too(collector: Destination, metrics: Metrics) -> None:
    metrics.add(telemetry.REQUESTS, 3, status="200")
    metrics.set(telemetry.IN_FLIGHT_BYTES, 7)
    metrics.add("acme.sent", 2, kind="x")
    InternalTelemetry(collector.url, metrics).end(5)
    sent = {
        metric.name: metric
        for request in collector.metrics
        for entry in request.resource_metrics
        for scope in entry.scope_metrics
        for metric in scope.metrics
    }
    (point,) = sent[telemetry.REQUESTS].sum.data_points
    assert (point.as_int, texts(point.attributes)) == (3, {"status": "200"})
    assert sent[telemetry.REQUESTS].sum.is_monotonic
    assert sent[telemetry.REQUESTS].description == telemetry.DESCRIPTIONS[telemetry.REQUESTS]
    assert [point.as_int for point in sent[telemetry.IN_FLIGHT_BYTES].gauge.data_points] == [7]
    assert [point.as_int for point in sent["acme.sent"].sum.data_points] == [2]


def test_what_is_logged_about_own_records_is_kept_back_and_counted(
    collector: Destination, sending: InternalTelemetry, metrics: Metrics
) -> None:
    with loop_guard.work():
        loop_guard.mark(True)
        LOGGER.warning("about the sidecar's own")
    LOGGER.warning("about a sender's")
    sending.end(5)
    assert bodies(collector) == ["about a sender's"]
    assert metrics.value(telemetry.OWN_LOGS, outcome="loop") == 1
    assert metrics.value(telemetry.OWN_LOGS, outcome="exported") == 1


def test_no_more_than_so_many_a_second_and_the_next_one_says_how_many_were_held_back(
    collector: Destination, sending: InternalTelemetry, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(sending._handler, "_cap", loop_guard.RateCap(RECORDS_PER_SECOND, lambda: now))
    for number in range(50):
        LOGGER.warning("record %d", number)
    now += 1
    LOGGER.warning("a second later")
    sending.end(5)
    assert bodies(collector) == [*(f"record {number}" for number in range(RECORDS_PER_SECOND)), "a second later"]
    held_back = 50 - RECORDS_PER_SECOND
    assert metrics.value(telemetry.OWN_LOGS, outcome="rate") == held_back
    (attribute,) = collector.records()[-1].attributes
    assert (attribute.key, attribute.value.int_value) == ("chattrail.log.suppressed", held_back)


def test_the_queue_is_bounded_and_what_it_has_no_room_for_is_counted(
    collector: Destination, sending: InternalTelemetry, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending._handler, "_cap", loop_guard.RateCap(10**6))
    collector.answer = lambda: (200 if collector.let_go.wait(30) else 503, {})
    for _ in range(QUEUE_RECORDS + 100):
        LOGGER.warning("again")
    assert metrics.value(telemetry.OWN_LOGS, outcome="full") == 100
    collector.let_go.set()
    sending.end(10)
    assert len(collector.records()) == QUEUE_RECORDS


@pytest.mark.parametrize(
    ("status", "content_type", "is_taken"),
    [(301, PROTOBUF, False), (302, PROTOBUF, False), (307, "", False), (308, "", False), (304, "", False),
     (200, "text/html; charset=utf-8", False), (202, "TEXT/HTML", False), (204, "", True), (202, "", True), (200, PROTOBUF, True)],
)  # fmt: skip
def test_only_what_an_otlp_receiver_answers_counts_as_exported(
    collector: Destination,
    sending: InternalTelemetry,
    metrics: Metrics,
    caplog: pytest.LogCaptureFixture,
    status: int,
    content_type: str,
    is_taken: bool,
) -> None:
    collector.answer = lambda: (status, {"Location": f"{collector.url}/elsewhere", "content-type": content_type})
    metrics.add(telemetry.REQUESTS, status="200")
    LOGGER.warning("to be sent")
    sending._logs.force_flush()
    sending._meters.force_flush()
    assert len(collector.attempts) == 2, "logs and metrics, once each: a redirection is not followed"
    assert metrics.value(telemetry.OWN_LOGS, outcome="exported") == int(is_taken)
    assert metrics.value(telemetry.OWN_LOGS, outcome="failed") == int(not is_taken)
    assert ("it takes no telemetry" in caplog.text) is not is_taken


def test_settings_of_the_sdk_that_are_wrong_keep_nobody_from_starting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-1")
    assert begin("http://127.0.0.1:9", Metrics(), LOGGER) is None
    assert "own telemetry is off" in caplog.text
    assert "ValueError at " in caplog.text


async def send(url: str, body: bytes, **headers: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/v1/logs", data=body, headers={"Content-Type": PROTOBUF, **headers}) as answer,
    ):
        return answer.status


async def test_a_process_sends_its_telemetry_and_nothing_of_what_it_was_given(
    collector: Destination, tmp_path: Path
) -> None:
    given = {"PLUGINS": "debug", "DATA": str(tmp_path), "TOKEN": "canary-token", "TELEMETRY_URL": collector.url}
    with SidecarProcess(**given) as sidecar:
        url = await sidecar.ready()
        body = otlp.request(otlp.event("user_message", "canary-user", {"chattrail.message.text": "canary-text"}))
        assert await send(url, body, Authorization="Bearer canary-token") == 200
        assert await send(url, b"canary-garbage", Authorization="Bearer canary-token") == 400
        assert await send(url, body, Authorization="Bearer canary-other") == 503
        await until(lambda: any("1 chattrail.user_message" in text for text in bodies(collector)))
        assert sidecar.end() == 0
    assert any(text.startswith("listening on http://") for text in bodies(collector))
    assert bodies(collector)[-1] == "sidecar ended"
    assert collector.metrics, "the last figures are sent at the end"
    everything: list[Any] = [*collector.requests, *collector.metrics]
    assert b"canary" not in b"".join(request.SerializeToString() for request in everything)
    assert "canary" not in sidecar.text


@pytest.mark.parametrize("listens", [False, True], ids=["nobody there", "accepts and never answers"])
async def test_a_collector_that_is_away_delays_neither_start_nor_answer_nor_end(listens: bool, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with SidecarProcess(PLUGINS="debug", DATA=str(tmp_path), TELEMETRY_URL=address, DRAIN_TIMEOUT_S="5") as sidecar:
            url = await sidecar.ready()
            for number in range(30):
                assert await send(url, otlp.request(otlp.event("command", at=number + 1))) == 200
            assert sidecar.end() == 0
            assert "Traceback" not in sidecar.text


def test_at_the_end_a_collector_that_has_gone_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a whole stack ends, the collector ends before the sidecar, which must not use up the time of what ends later."""
    tried: list[str] = []

    def refused(_: requests.Session, *, url: str, **_options: object) -> None:
        tried.append(url.rpartition("/")[2])
        raise requests.ConnectionError

    monkeypatch.setattr(internal_telemetry, "FLUSH_S", 3600)
    monkeypatch.setattr(requests.Session, "request", refused)
    metrics = Metrics()
    sending = InternalTelemetry("http://127.0.0.1:9", metrics)
    metrics.add(telemetry.IMAGE_JOBS)
    LOGGER.error("the last one")
    sending.end(3600)
    assert {each: tried.count(each) for each in tried} == {"logs": 2, "metrics": 2}, "the SDK connects twice at once"
