"""Records as ClickHouse keeps them, turned back into the OTLP messages that they were."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from sidecar.plugins.clickhouse.values import any_value, key_value

# What `events` and `logs` keep of a record as it came, in the order that `rebuild` reads.
COLUMNS = """
    time_unix_nano, observed_time_unix_nano, event_name, severity_number, severity_text, body, toString(body_type),
    mapKeys(attributes), mapValues(attributes), arrayMap(t -> toString(t), attribute_types), dropped_attributes_count, flags,
    hex(trace_id), hex(span_id), scope_name, scope_version, mapKeys(scope_attributes), mapValues(scope_attributes),
    arrayMap(t -> toString(t), scope_attribute_types), scope_dropped_attributes_count, scope_schema_url,
    mapKeys(resource_attributes), mapValues(resource_attributes), arrayMap(t -> toString(t), resource_attribute_types),
    resource_dropped_attributes_count, resource_schema_url
"""


def rebuild(row: Sequence[Any]) -> ResourceLogs:
    """Return the one record of a row of COLUMNS with its scope and resource."""
    (time, observed, name, severity, severity_text, body, body_type, keys, values, types, dropped, flags, trace, span,
     scope_name, scope_version, scope_keys, scope_values, scope_types, scope_dropped, scope_url,
     resource_keys, resource_values, resource_types, resource_dropped, resource_url) = row  # fmt: skip
    entry = ResourceLogs(schema_url=resource_url)
    entry.resource.attributes.extend(_pairs(resource_keys, resource_values, resource_types))
    entry.resource.dropped_attributes_count = resource_dropped
    record = LogRecord(
        time_unix_nano=time, observed_time_unix_nano=observed, event_name=name, severity_number=severity,
        severity_text=severity_text, body=any_value(body, body_type), attributes=_pairs(keys, values, types),
        dropped_attributes_count=dropped, flags=flags, trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(span),
    )  # fmt: skip
    scope = entry.scope_logs.add(schema_url=scope_url, log_records=[record])
    scope.scope.name, scope.scope.version = scope_name, scope_version
    scope.scope.attributes.extend(_pairs(scope_keys, scope_values, scope_types))
    scope.scope.dropped_attributes_count = scope_dropped
    return entry


def _pairs(keys: list[str], values: list[str], types: list[str]) -> list[KeyValue]:
    return [key_value(key, any_value(value, kind)) for key, value, kind in zip(keys, values, types, strict=True)]
