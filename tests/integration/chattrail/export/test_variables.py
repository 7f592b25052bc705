"""The standard variables of OpenTelemetry, and the arguments that win over them."""

import logging
import socket
from typing import Any

import pytest

from chattrail import create_tracker
from tests.integration.chattrail.export.support import QUICK, say
from tests.support.fakes.otlp_receiver import OtlpGrpcReceiver, OtlpReceiver, until


def test_the_standard_ones_work(http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_logs_endpoint_is_taken_as_it_is(http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", f"{http.url}/custom")
    with create_tracker("bot", limits=QUICK) as tracker:
        say(tracker, 1)
        http.wait(1)
    assert http.requests[0].path == "/custom"


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_grpc_knows_the_same_compressions(compression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    with (
        OtlpGrpcReceiver() as receiver,
        create_tracker("bot", endpoint=receiver.url, protocol="grpc", headers={"x-a": "b"}, limits=QUICK) as tracker,
    ):
        say(tracker, 1)
        receiver.wait(1)
    assert receiver.requests[0].headers["x-a"] == "b"


def test_the_time_limit_is_honoured(http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")
    http.hang()
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 1)
        http.wait_requests(2)
        http.recover()
        http.wait(1)


def test_arguments_win(http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:1/v1/logs")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with create_tracker(
        "bot", endpoint=f"{http.url}/", protocol="http/protobuf", headers={"x-a": "b"}, limits=QUICK
    ) as tracker:
        say(tracker, 1)
        http.wait(1)
    assert http.requests[0].headers["x-a"] == "b"


def test_headers_of_the_argument_are_added_to_those_of_the_variable(
    receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc,x-team=a")
    with create_tracker("bot", endpoint=receiver.url, headers={"X-Team": "b"}, limits=QUICK) as tracker:
        say(tracker, 1)
        receiver.wait(1)
    assert receiver.requests[0].headers["authorization"] == "Bearer abc"
    assert receiver.requests[0].headers["x-team"] == "b"


@pytest.mark.parametrize("setting", ["ENDPOINT", "PROTOCOL", "HEADERS", "COMPRESSION", "TIMEOUT"])
def test_an_empty_one_is_as_if_unset(setting: str, http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{setting}", "")
    monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_LOGS_{setting}", "")
    with create_tracker("bot", endpoint=http.url, limits=QUICK) as tracker:
        say(tracker, 1)
        http.wait(1)


def test_a_disabled_sdk_records_nothing(http: OtlpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
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
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0.0", "OTEL_EXPORTER_OTLP_TIMEOUT is '0.0'; it is a number of seconds above 0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "OTEL_EXPORTER_OTLP_TIMEOUT is 10000: .* in milliseconds, write 10"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "600.5", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT is 600.5"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip", "OTEL_EXPORTER_OTLP_COMPRESSION is 'zip'"),
    ],
)
def test_a_wrong_one_is_named(name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=said):
        create_tracker("bot")


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="endpoint is no URL"):
        create_tracker("bot", endpoint="127.0.0.1:4318")
    with pytest.raises(ValueError, match="protocol is 'udp'"):
        create_tracker("bot", protocol="udp")
    with pytest.raises(ValueError, match="service_name is empty"):
        create_tracker("")


def test_secrets_of_an_endpoint_are_not_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chattrail.export.processor._log._logged", {})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://user:canary@127.0.0.1:{taken.getsockname()[1]}/v1/logs?key=canary"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
        with caplog.at_level(logging.DEBUG, "chattrail"), create_tracker("bot", limits=QUICK) as tracker:
            say(tracker, 1)
            until(lambda: "events wait for" in caplog.text)
    assert "canary" not in caplog.text
