"""Records as ClickHouse keeps them, turned back into the OTLP messages that they were."""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

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
        severity_text=severity_text, body=_any_value(body, body_type), attributes=_pairs(keys, values, types),
        dropped_attributes_count=dropped, flags=flags, trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(span),
    )  # fmt: skip
    scope = entry.scope_logs.add(schema_url=scope_url, log_records=[record])
    scope.scope.name, scope.scope.version = scope_name, scope_version
    scope.scope.attributes.extend(_pairs(scope_keys, scope_values, scope_types))
    scope.scope.dropped_attributes_count = scope_dropped
    return entry


def _pairs(keys: list[str], values: list[str], types: list[str]) -> list[KeyValue]:
    return [_key_value(key, _any_value(value, kind)) for key, value, kind in zip(keys, values, types, strict=True)]


_KEY_INDEX = re.compile(r"#key_strindex:(-?[0-9]+)")


def _key_value(key: str, value: AnyValue) -> KeyValue:
    """Return the attribute that has this key in ClickHouse; one without a key is known by its index into a dictionary."""
    if index := _KEY_INDEX.fullmatch(key):
        return KeyValue(key_strindex=int(index[1]), value=value)
    return KeyValue(key=key, value=value)


def _any_value(text: str, kind: str) -> AnyValue:
    """Decode one entry of `attributes` with its entry of `attribute_types` (or `body` with `body_type`)."""
    match kind:
        case "none":
            return AnyValue()
        case "string_value":
            return AnyValue(string_value=text)
        case "bool_value":
            return AnyValue(bool_value=text == "true")
        case "int_value":
            return AnyValue(int_value=int(text))
        case "double_value":
            return AnyValue(double_value=float(text))
        case "bytes_value":
            return AnyValue(bytes_value=base64.b64decode(text))
        case "string_value_strindex":
            return AnyValue(string_value_strindex=int(text))
        case "array_value" | "kvlist_value":
            return _from_json(json.loads(text))
    raise ValueError(f"unknown value type {kind!r}")


def _from_json(value: dict[str, Any]) -> AnyValue:
    if not value:
        return AnyValue()
    ((kind, content),) = value.items()
    match kind:
        case "stringValue":
            return AnyValue(string_value=content)
        case "boolValue":
            return AnyValue(bool_value=content)
        case "intValue":
            return AnyValue(int_value=int(content))
        case "doubleValue":
            return AnyValue(double_value=float(content))
        case "bytesValue":
            return AnyValue(bytes_value=base64.b64decode(content))
        case "stringValueStrindex":
            return AnyValue(string_value_strindex=content)
        case "arrayValue":
            return AnyValue(array_value=_array(content))
        case "kvlistValue":
            return AnyValue(kvlist_value=_kvlist(content))
    raise ValueError(f"unknown OTLP/JSON value {kind!r}")


def _array(content: dict[str, Any]) -> ArrayValue:
    if "protobuf" in content:
        array = ArrayValue()
        array.ParseFromString(base64.b64decode(content["protobuf"]))
        return array
    return ArrayValue(values=[_from_json(item) for item in content["values"]])


def _kvlist(content: dict[str, Any]) -> KeyValueList:
    kvlist = KeyValueList()
    if "protobuf" in content:
        kvlist.ParseFromString(base64.b64decode(content["protobuf"]))
        return kvlist
    for pair in content["values"]:
        kvlist.values.add(key=pair["key"], key_strindex=pair.get("keyStrindex", 0), value=_from_json(pair["value"]))
    return kvlist
