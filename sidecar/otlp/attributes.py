"""Attributes of OTLP records, decoded."""

import math
from collections.abc import Callable, Iterable

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

Scalar = str | bool | int | float | bytes | None
Json = str | bool | int | float | None | list["Json"] | dict[str, "Json"]
AttributeValue = Scalar | list["AttributeValue"] | dict[str, "AttributeValue"]


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, AttributeValue]:
    """Decode OTLP key-values. A doubled key keeps its first value, as ClickHouse's map lookup does."""
    decoded: dict[str, AttributeValue] = {}
    for pair in pairs:
        key = pair.key or key_of(pair)
        if key not in decoded:
            decoded[key] = value_of(pair.value)
    return decoded


def is_empty(value: AnyValue) -> bool:
    """Whether its text is empty in ClickHouse, which then looks on: no value, no text, no bytes."""
    kind = value.WhichOneof("value")
    return kind is None or (kind in ("string_value", "bytes_value") and not getattr(value, kind))


def key_of(pair: KeyValue) -> str:
    """Return the key of an attribute, or what stands for it in ClickHouse where it is an index into profiles' dictionary."""
    return pair.key or (f"#key_strindex:{pair.key_strindex}" if pair.key_strindex else "")


def value_of(value: AnyValue) -> AttributeValue:
    """Decode an AnyValue; None when its oneof is not set."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    scalar: Scalar = getattr(value, kind)
    return scalar


def text_of(value: AttributeValue) -> str:
    """Return a text, number or truth value as text; bytes and containers have none."""
    if value is None or isinstance(value, bytes | list | dict):
        return ""
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def json_of(value: AttributeValue, other: Callable[[bytes | float], str | None]) -> Json:
    """Return a value as JSON can hold it; `other` gives what stands for bytes, NaN and the infinities."""
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        return other(value)
    if isinstance(value, list):
        return [json_of(item, other) for item in value]
    if isinstance(value, dict):
        return {name: json_of(item, other) for name, item in value.items()}
    return value
