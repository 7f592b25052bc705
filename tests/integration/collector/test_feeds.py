"""Feeds: more destinations beside the sidecar. A feed that is dead, slow or full never costs the sidecar anything."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.settings import FEEDS
from tests.support.collector_process import (
    Collector,
    Destination,
    binary_or_skip,
    event_id,
    free_ports,
    records_of,
    until,
)
from tests.support.otlp import event, request, uuid7
from tests.support.paths import ROOT

NEEDED = {"CHATTRAIL_COLLECTOR_FEED_OTLP_ENDPOINT": "https://otlp.example.com"} | {
    "CHATTRAIL_COLLECTOR_FEED_KAFKA_BROKERS": "one:9092,two:9092"
}
NAMES = sorted(path.stem for path in FEEDS.glob("*.yaml"))


@pytest.mark.parametrize("feeds", [*NAMES, ",".join(NAMES)])
def test_feeds_validate(feeds: str) -> None:
    environment = {
        **os.environ,
        **NEEDED,
        "CHATTRAIL_COLLECTOR_FEEDS": feeds,
        "CHATTRAIL_OTELCOL": str(binary_or_skip()),
    }
    done = subprocess.run(
        [sys.executable, "-m", "collector", "validate"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert all(f"{name}.yaml" in done.stdout for name in feeds.split(","))


def test_validate_fails_for_a_broken_file(tmp_path: Path) -> None:
    broken = tmp_path / "mine.yaml"
    broken.write_text("service: {pipelines: {logs/mine: {receivers: [otlp], exporters: [nowhere]}}}\n")
    environment = {**os.environ, "CHATTRAIL_COLLECTOR_FEEDS": str(broken), "CHATTRAIL_OTELCOL": str(binary_or_skip())}
    done = subprocess.run(
        [sys.executable, "-m", "collector", "validate"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "nowhere" in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_feed_never_waits_and_has_a_pipeline_of_its_own(name: str) -> None:
    feed = yaml.safe_load((FEEDS / f"{name}.yaml").read_text())
    assert list(feed["service"]) == ["pipelines"], "a list of the base would be replaced"
    pipelines = feed["service"]["pipelines"]
    assert pipelines.pop(f"logs/feed_{name}")["processors"][:2] == ["batch/feed", "transform/privacy"]
    assert pipelines.keys() <= {f"metrics/feed_{name}"}
    assert all(parts["processors"] == ["batch/feed"] for parts in pipelines.values())
    for exporter in feed["exporters"].values():
        queue = exporter.get("sending_queue")
        assert name in {"debug", "file"} if queue is None else queue["storage"] == "file_storage/feeds"
        assert queue is None or queue["block_on_overflow"] is False


def send(collector: Collector, count: int, text: str = "") -> list[str]:
    ids = [uuid7(0) for _ in range(count)]
    for one in ids:
        assert (
            collector.post(request(event("user_message", event_id=one, attributes={"chattrail.message.text": text})))
            == 200
        )
    return ids


def test_the_otlp_feed_gets_every_record_with_its_headers_and_no_image_bytes(
    sidecar: Destination, vendor: Destination, tmp_path: Path
) -> None:
    headers = {"api-key": "v3ndor", "x-tenant": "7"}
    settings = {"feed_otlp_endpoint": vendor.url, "feed_otlp_headers": json.dumps(headers)}
    with Collector(tmp_path, sidecar.url, feeds="otlp", **settings) as collector:
        image = event(
            "image_generated", event_id=uuid7(1), attributes={"chattrail.image.data": b"png", "chattrail.image.id": "p"}
        )
        assert collector.post(request(image)) == 200
        sent = {event_id(image), *send(collector, 20, "hello")}
        until(lambda: sent == set(vendor.ids()) == set(sidecar.ids()), "every event at both")
    assert Counter(vendor.ids()) == Counter(sidecar.ids())
    assert headers.items() <= vendor.headers[0].items()
    assert "authorization" not in vendor.headers[0], "the sidecar's token is not the vendor's business"
    keys = {where: _keys_of(at, event_id(image)) for where, at in (("sidecar", sidecar), ("vendor", vendor))}
    assert keys["sidecar"] - keys["vendor"] == {"chattrail.image.data"}
    assert keys["vendor"] < keys["sidecar"]
    assert "v3ndor" not in collector.log.read_text()


def test_the_file_feed_keeps_everything_across_restarts(sidecar: Destination, tmp_path: Path) -> None:
    archive = tmp_path / "archive" / "events.jsonl"
    with Collector(tmp_path, sidecar.url, feeds="file", feed_file_path=str(archive)) as collector:
        first = send(collector, 10, "строка\nс новой строкой")
        collector.stop()
        collector.start()
        second = send(collector, 10)
        until(lambda: set(second) <= set(_archived(archive)), "the second run in the archive")
        assert Counter(_archived(archive)) == Counter(first + second)
    assert archive.parent.stat().st_mode & 0o077 == 0
    texts = [pair.value.string_value for record in _records(archive) for pair in record.attributes]
    assert texts.count("строка\nс новой строкой") == 10


def test_a_dead_feed_catches_up_after_a_kill(sidecar: Destination, vendor: Destination, tmp_path: Path) -> None:
    vendor.down()
    with Collector(tmp_path, sidecar.url, feeds="otlp", feed_otlp_endpoint=vendor.url) as collector:
        sent = send(collector, 30)
        until(lambda: Counter(sidecar.ids()) == Counter(sent), "every event at the sidecar, once")
        until(
            lambda: collector.metric("otelcol_exporter_queue_size", exporter="otlp_http/feed") > 0,
            "a queue for the feed",
        )
        collector.kill()
        vendor.up()
        collector.start()
        until(lambda: set(vendor.ids()) == set(sent), "every event at the feed")
    assert set(sidecar.ids()) == set(sent)


def test_a_full_feed_costs_the_sidecar_nothing(sidecar: Destination, vendor: Destination, tmp_path: Path) -> None:
    """The feed accepts connections and never answers while events come; its queue holds 20 kB and gets 400 kB."""
    vendor.answer = lambda: (vendor.let_go.wait(60), (503, {}))[1]
    small = tmp_path / "small.yaml"
    small.write_text(
        "exporters: {otlp_http/feed: {sending_queue: {queue_size: 20000, batch: {min_size: 1, max_size: 20000}}}}\n"
    )
    settings = {"feeds": f"otlp,{small}", "feed_otlp_endpoint": vendor.url}
    with Collector(tmp_path, sidecar.url, **settings) as collector:
        sent = send(collector, 200, "x" * 2000)
        until(lambda: len(sidecar.ids()) >= len(sent), "every event at the sidecar")
        until(
            lambda: collector.metric("otelcol_exporter_enqueue_failed_log_records", exporter="otlp_http/feed") > 0,
            "the feed's losses in the metrics",
        )
    assert Counter(sidecar.ids()) == Counter(sent), "no sender was asked to retry"


def test_without_its_guard_a_full_feed_would_hold_senders_back(
    sidecar: Destination, vendor: Destination, tmp_path: Path
) -> None:
    """The negative control: the same feed without batch/feed sends errors to senders who were served."""
    vendor.answer = lambda: (vendor.let_go.wait(60), (503, {}))[1]
    unguarded = tmp_path / "unguarded.yaml"
    unguarded.write_text(
        "exporters: {otlp_http/feed: {sending_queue: {queue_size: 20000, batch: {min_size: 1, max_size: 20000}}}}\n"
        "service: {pipelines: {logs/feed_otlp: {processors: [transform/privacy]}}}\n"
    )
    settings = {"feeds": f"otlp,{unguarded}", "feed_otlp_endpoint": vendor.url}
    with Collector(tmp_path, sidecar.url, **settings) as collector:
        body = request(event("user_message", event_id=uuid7(0), attributes={"chattrail.message.text": "x" * 2000}))
        statuses = [collector.post(body) for _ in range(50)]
        assert any(status != 200 for status in statuses)


def test_a_dead_kafka_costs_the_sidecar_nothing(sidecar: Destination, tmp_path: Path) -> None:
    brokers = f"127.0.0.1:{free_ports(1)[0]}"
    with Collector(tmp_path, sidecar.url, feeds="kafka", feed_kafka_brokers=brokers) as collector:
        sent = send(collector, 30)
        until(lambda: Counter(sidecar.ids()) == Counter(sent), "every event at the sidecar, once")
        collector.stop()


def test_the_kafka_feed_asks_every_broker_of_the_list(sidecar: Destination, tmp_path: Path) -> None:
    first_request: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as broker:

        def listen() -> None:
            broker.settimeout(20)
            connection, _ = broker.accept()
            with connection:
                connection.settimeout(10)
                first_request.append(connection.recv(6))

        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        brokers = f"127.0.0.1:{free_ports(1)[0]},127.0.0.1:{broker.getsockname()[1]}"
        with Collector(tmp_path, sidecar.url, feeds="kafka", feed_kafka_brokers=brokers) as collector:
            send(collector, 1)
            until(lambda: first_request, "a request at the second broker, the first being dead")
        listening.join(10)
    assert first_request[0][4:] == (18).to_bytes(2, "big"), "Kafka clients begin with ApiVersions, whose key is 18"


def _keys_of(destination: Destination, wanted: str) -> set[str]:
    return next({pair.key for pair in done.attributes} for done in destination.records() if event_id(done) == wanted)


def _records(archive: Path) -> list[LogRecord]:
    lines = archive.read_text().splitlines() if archive.exists() else []
    return list(records_of(json_format.Parse(line, ExportLogsServiceRequest()) for line in lines))


def _archived(archive: Path) -> list[str]:
    return [event_id(record) for record in _records(archive)]
