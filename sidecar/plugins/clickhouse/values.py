"""Turns the text and type name that ClickHouse keeps of a value back into the AnyValue it was."""

import base64
import json
import re
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

_KEY_INDEX = re.compile(r"#key_strindex:(-?[0-9]+)")


def key_value(key: str, value: AnyValue) -> KeyValue:
    """Return the attribute that has this key in ClickHouse; one without a key is known by its index into a dictionary."""
    if index := _KEY_INDEX.fullmatch(key):
        return KeyValue(key_strindex=int(index[1]), value=value)
    return KeyValue(key=key, value=value)


def any_value(text: str, kind: str) -> AnyValue:
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
