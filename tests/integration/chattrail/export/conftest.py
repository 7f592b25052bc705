"""Receivers of OTLP over HTTP and gRPC, and an environment without variables for it."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fakes.otlp_receiver import OtlpGrpcReceiver, OtlpReceiver


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
