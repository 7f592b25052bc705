"""Hands batches to OTLP/gRPC. A module of its own: loading gRPC takes a tenth of a second and 20 MB, and few choose it."""

from collections.abc import Mapping, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult

from chattrail.export.transport import Answer, Reply, without_secrets


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
        self.target = without_secrets(str(self._exporter._endpoint))

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
