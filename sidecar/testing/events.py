"""Events and batches for tests of plugins, as a sender's OTLP exporter would make them."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from chattrail.ids import uuid7
from sidecar.otlp.batch import Batch


def attribute(value: object) -> AnyValue:
    """Return a plain Python value as OTLP carries it."""
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case _:
            return AnyValue(string_value=str(value))


def event(
    type_: str,
    user: str = "7",
    attributes: Mapping[str, object] = MappingProxyType({}),
    *,
    at: int | None = None,
    event_id: str | None = None,
) -> LogRecord:
    """Return an analytics event at a time in Unix nanoseconds (now); attributes go by their full names."""
    at = time.time_ns() if at is None else at
    given = {"event.id": event_id or uuid7(), "user.id": user, **attributes}
    pairs = [KeyValue(key=key, value=attribute(value)) for key, value in given.items()]
    return LogRecord(time_unix_nano=at, event_name=f"chattrail.{type_}", attributes=pairs)


def request(*records: LogRecord, service: str = "test-bot", instance: str = "i-1") -> bytes:
    """Return the protobuf body that a sender would post with these records."""
    named = {"service.name": service, "service.instance.id": instance}
    resource = Resource(attributes=[KeyValue(key=key, value=attribute(value)) for key, value in named.items()])
    scope = ScopeLogs(scope=InstrumentationScope(name="test"), log_records=records)
    entry = ResourceLogs(resource=resource, scope_logs=[scope])
    return bytes(ExportLogsServiceRequest(resource_logs=[entry]).SerializeToString())


def batch(*records: LogRecord) -> Batch:
    """Return the batch a plugin would be given for these records."""
    return Batch.parse(request(*records), datetime.now(UTC))
