"""Sends batches over OTLP/gRPC. Imported only when it is chosen: it needs the extra `grpc`."""

from collections.abc import Mapping

import grpc

from chattrail.export.logrecord import LogRecords
from chattrail.export.otel import LogRecordExportResult, grpc_exporter
from chattrail.export.transport import ExportResult, ExportStatus, without_secrets

_DENIED = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED})
_REJECTED = frozenset({grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL, grpc.StatusCode.FAILED_PRECONDITION})


class GrpcTransport:
    """Sends over OTLP/gRPC."""

    takes_bytes = False

    def __init__(self, endpoint: str, headers: Mapping[str, str], timeout: float, compression: str) -> None:
        self._exporter = grpc_exporter(endpoint, headers, timeout, compression)
        self.target = without_secrets(endpoint)

    def send(self, batch: LogRecords) -> ExportResult:
        """Export; the result follows from the status of the last call."""
        self._exporter.last_error = None
        if self._exporter.export(batch) is LogRecordExportResult.SUCCESS:
            return ExportResult(ExportStatus.ACCEPTED)
        error = self._exporter.last_error
        if error is None:
            return ExportResult(ExportStatus.RETRYABLE, "no response in time")
        code = error.code()
        if code in _DENIED:
            return ExportResult(ExportStatus.DENIED, f"gRPC {code.name}; check the endpoint and its headers")
        too_large = code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in (error.details() or "")
        status = ExportStatus.REJECTED if code in _REJECTED or too_large else ExportStatus.RETRYABLE
        return ExportResult(status, f"gRPC {code.name}")

    def close(self) -> None:
        """Cancel the current call and close the channel."""
        self._exporter.shutdown()
