"""Fills protobuf messages from JSON values by their descriptors, after OTLP's "JSON Protobuf Encoding".

That is protobuf's JSON mapping, except that trace and span ids are hex and unknown keys are ignored. Keys are taken in both
spellings, as protobuf's parsers and the collector take them: a key in snake_case that was ignored would be lost in silence.
docs/adr/0032 says why protobuf's own `json_format` is not used.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from sidecar.errors import MalformedError
from sidecar.otlp.json_text import Number

# what protobuf's C parser accepts: a deeper message could be built here and then not be read by anyone
DEPTH = 100
HEX_FIELDS = frozenset({"trace_id", "span_id"})

_INTEGER = re.compile(r"-?[0-9]{1,20}\Z")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_LONGEST_INTEGER = 20  # digits of 2^64 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """What there is to know of a message's field; asking the descriptor each time is slow."""

    name: str
    json_name: str
    is_message: bool
    is_repeated: bool
    oneof: str
    convert: Callable[[Any], Any]


@cache
def fields_of(descriptor: Descriptor) -> Mapping[str, Field]:
    """Return a message's fields by their keys in JSON, in both spellings."""
    found = {}
    for field in descriptor.fields:
        oneof = field.containing_oneof.name if field.containing_oneof is not None else ""
        is_message = field.message_type is not None
        known = Field(field.name, field.json_name, is_message, field.is_repeated, oneof, _converter(field))
        found[field.json_name] = found[field.name] = known
    return found


def fill(message: Message, document: object, depth: int) -> None:
    """Fill a message that stands `depth` messages deep. Raises MalformedError, which names the field and the fault, no contents."""
    if not isinstance(document, dict):
        raise MalformedError("expected an object")
    if depth > DEPTH:
        raise MalformedError(f"nested deeper than {DEPTH} messages")
    fields = fields_of(message.DESCRIPTOR)
    seen = set()
    for key, value in document.items():
        field = fields.get(key)
        if field is None or value is None:  # null means the default, as if the key were absent
            continue
        if field.oneof and message.WhichOneof(field.oneof):
            raise MalformedError(f"more than one of {field.oneof}'s alternatives is set")
        if field.name in seen:
            raise MalformedError(f"{field.json_name}: the key is there more than once")
        seen.add(field.name)
        try:
            _set(message, field, value, depth)
        except MalformedError as fault:
            # one name is enough to know where: the whole path would make each fault a reason of its own
            raise fault if ": " in str(fault) else MalformedError(f"{field.json_name}: {fault}") from None


def _set(message: Message, field: Field, value: object, depth: int) -> None:
    if field.is_repeated:
        if not isinstance(value, list):
            raise MalformedError("expected an array")
        target = getattr(message, field.name)
        for item in value:
            if field.is_message:
                fill(target.add(), item, depth + 1)
            else:
                target.append(field.convert(item))
    elif field.is_message:
        child = getattr(message, field.name)
        child.SetInParent()  # {} is a value that is present and empty
        fill(child, value, depth + 1)
    else:
        try:
            setattr(message, field.name, field.convert(value))
        except (ValueError, TypeError):
            raise MalformedError("out of range") from None


def _converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    """Choose how a scalar field reads its JSON value."""
    if field.type == FieldDescriptor.TYPE_ENUM:
        return partial(_enum, field.enum_type)
    if field.name in HEX_FIELDS:
        return _hex
    return _CONVERTERS.get(field.type, _integer)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise MalformedError("expected true or false")
    return value


def _enum(kind: EnumDescriptor, value: Any) -> int:
    # the specification wants numbers; the collector takes names too, so senders that use them exist
    named = kind.values_by_name.get(value) if isinstance(value, str) else None
    return _integer(value) if named is None else int(named.number)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedError("expected a string")
    return value


def _text(value: Any) -> str:
    # half of a pair is what is left of a text that was cut inside an emoji
    return value if _string(value).isascii() else _HALF_PAIR.sub("\ufffd", value)


def _hex(value: Any) -> bytes:
    try:
        return binascii.unhexlify(_string(value))
    except ValueError:
        raise MalformedError("not hex") from None


def _base64(value: Any) -> bytes:
    # the URL-safe alphabet and missing padding are allowed by protobuf's JSON mapping
    padded = _string(value).translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except ValueError:
        raise MalformedError("not base64") from None


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = value.text if isinstance(value, Number) else value
    if isinstance(text, str) and _NUMBER.match(text):
        return int(text) if _INTEGER.match(text) else _whole(text)
    raise MalformedError("not an integer")


def _whole(text: str) -> int:
    """Read "5.0" and "1e3", which are integers in protobuf's JSON mapping, without going through a double."""
    try:
        number = Decimal(text)
        if not number:
            return 0
        if number.adjusted() > _LONGEST_INTEGER:
            raise MalformedError("out of range")
        whole = number.to_integral_value()
    except InvalidOperation:  # an exponent of very many digits
        raise MalformedError("out of range") from None
    if whole != number:
        raise MalformedError("not an integer")
    return int(whole)


def _double(value: Any) -> float:
    if isinstance(value, Number):
        value = value.text
    elif value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, str):
        if not _NUMBER.match(value):
            raise MalformedError("not a number")
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise MalformedError("not a number")  # NaN without quotes is no JSON
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):  # only the string "Infinity" means it; a number that big is a mistake
        raise MalformedError("out of range")
    return number


_CONVERTERS: Mapping[int, Callable[[Any], Any]] = {
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BYTES: _base64,
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_DOUBLE: _double,
}
