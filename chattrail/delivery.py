"""Delivers batches over OTLP, and tells apart what the SDK's exporters call by one name: FAILURE.

The SDK's exporters encode, compress, authenticate and retry for a few seconds; what they do not tell is *why* they gave
up, and it decides whether a batch is kept or given up too. This is the only module that looks inside them.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

import grpc  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult


class Answer(Enum):
    """What became of a batch."""

    ACCEPTED = auto()
    LATER = auto()  # nobody there, too busy, no answer in time: keep it
    REFUSED = auto()  # these records, or this many of them
    DENIED = auto()  # any records: wrong token, wrong path


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and, for people, its reason."""

    answer: Answer
    reason: str = ""


class Delivery(Protocol):
    """Sends batches to one place."""

    target: str

    def send(self, batch: Sequence[ReadableLogRecord]) -> Reply:
        """Send once (an exporter may retry for its time limit). An exception means REFUSED."""

    def close(self) -> None:
        """Break off what is under way and let go of the connection."""


class PlainDelivery:
    """Delivers through any exporter of the SDK; a failure is final, as nothing is known of it."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter
        self.target = type(exporter).__name__

    def send(self, batch: Sequence[ReadableLogRecord]) -> Reply:
        """Export once."""
        if self._exporter.export(batch) is LogRecordExportResult.SUCCESS:
            return Reply(Answer.ACCEPTED)
        return Reply(Answer.DENIED, "the exporter failed")

    def close(self) -> None:
        """Shut the exporter down."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class HttpDelivery:
    """Delivers by OTLP/HTTP (protobuf)."""

    _BUSY = frozenset({429, 502, 503, 504})
    _DATA = frozenset({400, 413, 422})

    def __init__(self, *, endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        self._exporter = exporter = HttpLogExporter(endpoint, headers=headers)
        self.target = _without_secrets(exporter._endpoint)
        self._client = exporter._client
        exporter._client = self  # type: ignore[assignment]  # stands in for it: `export` and `shutdown` are all it calls
        self._reply = Reply(Answer.REFUSED)

    def send(self, batch: Sequence[ReadableLogRecord]) -> Reply:
        """Export; the reply is the one that the client saw last."""
        self._reply = Reply(Answer.REFUSED, "it could not be encoded, or is larger than one request may be")
        self._exporter.export(batch)
        return self._reply

    def export(self, data: bytes) -> Any:
        """Take the exporter's call to its client."""
        result = self._client.export(data)
        status = result.status_code
        if status is None:
            reason = type(result.error).__name__ if result.error is not None else "no answer in time"
            self._reply = Reply(Answer.LATER, reason)
        elif 200 <= status < 300:
            self._reply = Reply(Answer.ACCEPTED)
        elif status in self._BUSY:
            self._reply = Reply(Answer.LATER, f"HTTP {status}")
        elif status in self._DATA:
            self._reply = Reply(Answer.REFUSED, f"HTTP {status}")
        else:  # a redirection too: the SDK takes it for success, but it is not followed and nothing arrives
            self._reply = Reply(Answer.DENIED, f"HTTP {status}; check the endpoint and its headers")
        return result

    def shutdown(self) -> None:
        """Take the exporter's call to its client."""
        self._client.shutdown()

    def close(self) -> None:
        """End waits between retries and close the connections."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _ObservingExporter(GrpcLogExporter):
    """Remembers the status of the last call; the parent builds a new stub whenever it reconnects."""

    last_error: grpc.RpcError | None = None

    def _initialize_channel_and_stub(self) -> None:
        super()._initialize_channel_and_stub()  # type: ignore[no-untyped-call]
        self._client = _ObservingStub(self._client, self)  # type: ignore[assignment]


class _ObservingStub:
    def __init__(self, stub: Any, exporter: _ObservingExporter) -> None:
        self._stub = stub
        self._exporter = exporter

    def Export(self, **call: Any) -> Any:  # noqa: N802 - the name that the service's definition gives it
        try:
            return self._stub.Export(**call)
        except grpc.RpcError as error:
            self._exporter.last_error = error
            raise


class GrpcDelivery:
    """Delivers by OTLP/gRPC."""

    _DENIED = frozenset(
        {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED}
    )
    _DATA = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL, grpc.StatusCode.FAILED_PRECONDITION})

    def __init__(
        self, *, endpoint: str | None = None, headers: Mapping[str, str] | None = None, compression: str | None = None
    ) -> None:
        self._exporter = _ObservingExporter(
            endpoint=endpoint,
            headers=tuple(headers.items()) if headers else None,
            # The exporter reads the variable itself, but knows no "none".
            compression=grpc.Compression.NoCompression if compression == "none" else None,
        )
        self.target = _without_secrets(str(self._exporter._endpoint))

    def send(self, batch: Sequence[ReadableLogRecord]) -> Reply:
        """Export; the reply follows from the status of the last call."""
        self._exporter.last_error = None
        if self._exporter.export(batch) is LogRecordExportResult.SUCCESS:
            return Reply(Answer.ACCEPTED)
        error = self._exporter.last_error
        if error is None:
            return Reply(Answer.LATER, "no answer in time")
        code = error.code()
        if code in self._DENIED:
            return Reply(Answer.DENIED, f"gRPC {code.name}; check the endpoint and its headers")
        if code in self._DATA or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and _is_size(error)):
            return Reply(Answer.REFUSED, f"gRPC {code.name}")
        return Reply(Answer.LATER, f"gRPC {code.name}")

    def close(self) -> None:
        """Cancel what is under way and close the channel."""
        self._exporter.shutdown()


def _is_size(error: grpc.RpcError) -> bool:
    return "larger than max" in (error.details() or "")


def _without_secrets(endpoint: str) -> str:
    scheme, separator, rest = endpoint.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}".partition("?")[0]


class _OncePerMinute(logging.Filter):
    """Lets each message of the SDK's exporters through once a minute: while a collector is away they speak at every try."""

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        key = str(record.msg)
        if now - self._told.get(key, float("-inf")) < 60:
            return False
        self._told[key] = now
        return True


def quieten_exporters() -> None:
    """Keep the SDK's exporters from flooding the bot's log. May be called again."""
    for exporter in (HttpLogExporter, GrpcLogExporter):
        names = {exporter.__module__, "opentelemetry.exporter.otlp.proto.grpc.exporter"}
        for name in names:
            logger = logging.getLogger(name)
            if not any(isinstance(known, _OncePerMinute) for known in logger.filters):
                logger.addFilter(_OncePerMinute())
