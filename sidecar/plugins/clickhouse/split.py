"""Cuts an OTLP logs request into smaller requests; each keeps the resource and the scope of its records."""

from collections.abc import Callable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from sidecar.otlp.wire import LOG_RECORDS, Origin, encode


def alone(record: LogRecord) -> bytes:
    """Return a request that holds this one record, without its resource and scope."""
    return Origin().request(encode(LOG_RECORDS, record.SerializeToString()))


def origin_of(entry: ResourceLogs, scope: ScopeLogs) -> Origin:
    """Return what the records of a scope share."""
    head = ResourceLogs(resource=entry.resource, schema_url=entry.schema_url)
    scope_head = ScopeLogs(scope=scope.scope, schema_url=scope.schema_url)
    return Origin(head.SerializeToString(), scope_head.SerializeToString())


def select(request: ExportLogsServiceRequest, wanted: Callable[[int], bool]) -> bytes:
    """Return a request with the records whose position, counted from 0 through the whole request, is wanted."""
    kept = ExportLogsServiceRequest()
    position = 0
    for entry in request.resource_logs:
        kept_entry = None
        for scope in entry.scope_logs:
            chosen = [record for offset, record in enumerate(scope.log_records, position) if wanted(offset)]
            position += len(scope.log_records)
            if chosen:
                kept_entry = kept_entry or kept.resource_logs.add(resource=entry.resource, schema_url=entry.schema_url)
                kept_entry.scope_logs.add(scope=scope.scope, schema_url=scope.schema_url, log_records=chosen)
    return bytes(kept.SerializeToString())


def halve(body: bytes) -> list[tuple[int, bytes]]:
    """Return the two halves of a request, each with the position of its first record; a single record comes back alone."""
    request = ExportLogsServiceRequest.FromString(body)
    count = sum(len(scope.log_records) for entry in request.resource_logs for scope in entry.scope_logs)
    if count <= 1:
        return [(0, body)]
    middle = count // 2
    return [(0, select(request, lambda at: at < middle)), (middle, select(request, lambda at: at >= middle))]
