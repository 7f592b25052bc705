"""OTLP/JSON to the protobuf form, so that everything after the receiver knows one form only.

The mapping is the OTLP specification's ("JSON Protobuf Encoding"): protobuf's own JSON mapping, except that trace and
span ids are hex, keys are lowerCamelCase only, and unknown keys are ignored. protobuf's `json_format` is not used: it
reads ids as base64, skips characters that are no base64, and its errors quote contents, which end up in senders' logs.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Never

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sidecar.errors import Malformed

# what protobuf's C parser accepts: a deeper message could be built here and then not be read by anyone
DEPTH = 100
HEX_FIELDS = frozenset({"trace_id", "span_id"})

_INTEGER = re.compile(r"-?[0-9]{1,20}\Z")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_INTEGERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
    }
)


def to_protobuf(body: bytes) -> bytes:
    """Convert an OTLP/JSON ExportLogsServiceRequest. Raises Malformed naming the path and the fault, not the value."""
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise Malformed("the JSON body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise Malformed("the JSON body is nested too deeply") from None
    except ValueError:  # an integer beyond Python's limit of digits
        raise Malformed("the JSON body holds a number that is too long") from None
    request = ExportLogsServiceRequest()
    _fill(request, document, "body", 1)
    return request.SerializeToString(deterministic=True)  # type: ignore[no-any-return]


def _no_constant(_name: str) -> Never:
    raise Malformed("the body is not JSON: NaN and Infinity must be strings")


@cache
def _fields(descriptor: Descriptor) -> Mapping[str, FieldDescriptor]:
    return {field.json_name: field for field in descriptor.fields}


def _fill(message: Message, document: object, path: str, depth: int) -> None:
    if not isinstance(document, dict):
        raise Malformed(f"{path}: expected an object")
    if depth > DEPTH:
        raise Malformed(f"{path}: nested deeper than {DEPTH} messages")
    fields = _fields(message.DESCRIPTOR)
    for key, value in document.items():
        field = fields.get(key)
        if field is None or value is None:  # null means the default, as if the key were absent
            continue
        where = f"{path}.{key}"
        if field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name):
            raise Malformed(f"{path}: more than one of {field.containing_oneof.name}'s alternatives is set")
        if field.is_repeated:
            if not isinstance(value, list):
                raise Malformed(f"{where}: expected an array")
            target = getattr(message, field.name)
            for index, item in enumerate(value):
                if field.message_type is None:
                    target.append(_scalar(field, item, f"{where}[{index}]"))
                else:
                    _fill(target.add(), item, f"{where}[{index}]", depth + 1)
        elif field.message_type is not None:
            child = getattr(message, field.name)
            child.SetInParent()  # {} is a value that is present and empty
            _fill(child, value, where, depth + 1)
        else:
            try:
                setattr(message, field.name, _scalar(field, value, where))
            except (ValueError, TypeError):
                raise Malformed(f"{where}: out of range") from None


def _scalar(field: FieldDescriptor, value: Any, where: str) -> Any:
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _bytes(field, value, where)
        return _text(value, where)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise Malformed(f"{where}: expected true or false")
        return value
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return _double(value, where)
    if kind == FieldDescriptor.CPPTYPE_ENUM and isinstance(value, str) and value in field.enum_type.values_by_name:
        # the specification wants numbers; the collector takes names too, so senders that use them exist
        return field.enum_type.values_by_name[value].number
    if kind in _INTEGERS or kind == FieldDescriptor.CPPTYPE_ENUM:
        return _integer(value, where)
    raise Malformed(f"{where}: not supported")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{where}: expected a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Malformed(f"{where}: half of a surrogate pair is not Unicode text") from None
    return value


def _bytes(field: FieldDescriptor, value: Any, where: str) -> bytes:
    if not isinstance(value, str):
        raise Malformed(f"{where}: expected a string")
    try:
        if field.name in HEX_FIELDS:
            return binascii.unhexlify(value)
        # the URL-safe alphabet and missing padding are allowed by protobuf's JSON mapping
        padded = value.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise Malformed(f"{where}: not {'hex' if field.name in HEX_FIELDS else 'base64'}") from None


def _integer(value: Any, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.match(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise Malformed(f"{where}: not an integer")


def _double(value: Any, where: str) -> float:
    if isinstance(value, str):
        if value in ("NaN", "Infinity", "-Infinity"):
            return float(value)
        if not _NUMBER.match(value):
            raise Malformed(f"{where}: not a number")
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"{where}: not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):  # only the string "Infinity" means it; a number that big is a mistake
        raise Malformed(f"{where}: out of range")
    return number
