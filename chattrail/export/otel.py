"""OpenTelemetry's private names, all of them, and what differs between its minor versions.

The logs API is private still (`_logs`), and the exporters report nothing but SUCCESS or FAILURE. The range that pyproject.toml
claims is tested at both ends (docs/adr/0028-library-in-the-wheel.md).
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

__all__ = [
    "LogRecord", "LogRecordExportResult", "LogRecordExporter", "ReadableLogRecord", "SeverityNumber",
    "grpc_exporter", "http_exporter", "limit_exporter_logs", "suppressed_instrumentation",
]  # fmt: skip

_LOGGERS = (  # of the SDK's exporters, by name: the gRPC one need not be loaded
    OTLPLogExporter.__module__,
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",  # the sidecar's own metrics
    "opentelemetry.exporter.otlp.proto.grpc._log_exporter",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
)


def http_exporter(
    endpoint: str, headers: Mapping[str, str], timeout: float, compression: str, session: requests.Session
) -> LogRecordExporter:
    """Return the SDK's OTLP/HTTP exporter. Each option is given: minor versions read and merge the variables differently."""
    return OTLPLogExporter(
        endpoint, headers=dict(headers), timeout=timeout, compression=Compression(compression), session=session
    )


def grpc_exporter(endpoint: str, headers: Mapping[str, str], timeout: float, compression: str) -> Any:
    """Return the SDK's OTLP/gRPC exporter; its `last_error` is the status of the last call, None after a success.

    gRPC is imported here: loading it takes a tenth of a second and 20 MB, and few choose it.
    """
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    class Exporter(GrpcLogExporter):
        last_error: grpc.RpcError | None = None

        def _initialize_channel_and_stub(self) -> None:
            super()._initialize_channel_and_stub()  # type: ignore[no-untyped-call]
            self._client: Any = _ObservingStub(self._client, self)  # the parent makes a new stub when it reconnects

        def _translate_data(self, data: Any) -> ExportLogsServiceRequest:
            message: ExportLogsServiceRequest = ExportLogsServiceRequest.FromString(data.encoded())
            return message

    class _ObservingStub:
        def __init__(self, stub: Any, exporter: Exporter) -> None:
            self._stub = stub
            self._exporter = exporter

        def Export(self, **call: Any) -> Any:  # noqa: N802 - the name that the service's definition gives it
            try:
                return self._stub.Export(**call)
            except grpc.RpcError as error:
                self._exporter.last_error = error
                raise

    algorithm = {"gzip": grpc.Compression.Gzip, "none": grpc.Compression.NoCompression}[compression]
    return Exporter(endpoint=endpoint, headers=tuple(headers.items()), timeout=timeout, compression=algorithm)


@contextmanager
def suppressed_instrumentation() -> Iterator[None]:
    """Keep OpenTelemetry's instrumentations from tracing what the block sends."""
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        detach(token)


_logged: dict[str, float] = {}


def _once_a_minute(record: logging.LogRecord) -> bool:
    now, key = time.monotonic(), f"{record.name}: {record.msg}"
    if now - _logged.get(key, float("-inf")) < 60:
        return False
    _logged[key] = now
    return True


def limit_exporter_logs() -> None:
    """Let each message of the SDK's exporters through once a minute: while a collector is away, they log at every attempt."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_once_a_minute)  # adds it once only
