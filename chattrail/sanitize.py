"""Makes any value safe to send: after `sanitize` it encodes as OTLP, and nothing of it can change any more.

A value that cannot be encoded would take its whole batch down with it (the SDK encodes on another thread, long after
the caller has gone on), so nothing of a caller's reaches the SDK untouched. What is cut or replaced says so.
"""

from collections import deque
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from math import isfinite, isnan
from pathlib import PurePath
from typing import TypeAlias
from uuid import UUID

AttributeValue: TypeAlias = (
    "str | bool | int | float | bytes | tuple[AttributeValue, ...] | dict[str, AttributeValue] | None"
)

MAX_TEXT = 32_768  # characters; Telegram's longest message has 4,096
MAX_NESTED_TEXT = 4_096
MAX_KEY = 256
MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 4  # levels that every reader downstream can be trusted to keep
MAX_NODES = 512  # values inside one nested value

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


def sanitize(value: object) -> AttributeValue:
    """Return `value` as OTLP can carry it. Never raises, whatever the object does; None stays None."""
    kind = type(value)
    # Most values of most events are plain: the ways below are shorter than the whole examination, and come to the same.
    if kind is str and value.isascii() and len(value) <= MAX_TEXT and "\0" not in value:  # type: ignore[attr-defined,arg-type,operator]
        return value  # type: ignore[return-value]
    if kind is bool or (kind is int and _INT64_MIN <= value <= _INT64_MAX):  # type: ignore[operator]
        return value  # type: ignore[return-value]
    try:
        return _clean(value, _Budget(), 0)
    except Exception:
        return _unprintable(value)


def sanitize_text(text: str, limit: int = MAX_TEXT) -> str:
    """Return valid, NUL-free UTF-8 text of at most about `limit` characters; a cut is marked with the full length."""
    length = len(text)
    if length > limit:
        text = text[:limit]
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON and JavaScript hand over pairs of surrogates: joined they are a character, alone they are nothing.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return f"{text}… [cut: {length:,} characters]" if length > limit else text


def weight(value: object) -> int:
    """Estimate the bytes that a sanitised value takes in memory and on the wire."""
    kind = type(value)  # a sanitised value is of one of these exactly
    if kind is str or kind is bytes:
        return len(value) + 16  # type: ignore[arg-type]
    if isinstance(value, tuple):
        return 16 + sum(weight(item) for item in value)
    if isinstance(value, dict):
        return 16 + sum(len(key) + 16 + weight(item) for key, item in value.items())
    return 16


class _Budget:
    """How many more nested values may be taken: a small list may still hold millions of them."""

    __slots__ = ("nodes",)

    def __init__(self) -> None:
        self.nodes = MAX_NODES


def _clean(value: object, budget: _Budget, depth: int) -> AttributeValue:
    kind = type(value)
    if value is None or kind is bool:
        return value  # type: ignore[return-value]  # mypy does not follow `kind`
    if isinstance(value, Enum):
        return _clean(value.value, budget, depth)
    if isinstance(value, str):
        return sanitize_text(str.__str__(value), MAX_NESTED_TEXT if depth else MAX_TEXT)
    if isinstance(value, int):
        return _integer(int.__int__(value))
    if isinstance(value, float):
        return _float(float.__float__(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping | list | tuple | set | frozenset | deque):
        if depth >= MAX_DEPTH:
            return f"[nested deeper than {MAX_DEPTH} levels]"
        return _mapping(value, budget, depth) if isinstance(value, Mapping) else _sequence(value, budget, depth)
    if isinstance(value, Decimal | UUID | PurePath | BaseException) or kind.__str__ is not object.__str__:
        return sanitize_text(str.__str__(str(value)), MAX_NESTED_TEXT)
    return sanitize_text(str.__str__(repr(value)), MAX_NESTED_TEXT)


def _nested(value: object, budget: _Budget, depth: int) -> AttributeValue:
    try:
        return _clean(value, budget, depth)
    except Exception:  # one bad item does not spoil its neighbours
        return _unprintable(value)


def _integer(value: int) -> int | str:
    if _INT64_MIN <= value <= _INT64_MAX:
        return value
    # Python refuses to spell very long integers in decimal; hexadecimal has no such limit.
    return sanitize_text(str(value) if value.bit_length() < 10_000 else hex(value), MAX_NESTED_TEXT)


def _float(value: float) -> float | str:
    if isfinite(value):
        return value
    # The names of protobuf's JSON mapping. As doubles they would turn every sum and average downstream into NaN.
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _bytes(value: "bytes | bytearray | memoryview[int]") -> bytes | str:
    size = value.nbytes if isinstance(value, memoryview) else len(value)
    return bytes(value) if size <= MAX_BYTES else f"[left out: {size:,} bytes]"


def _sequence(
    value: "list[object] | tuple[object, ...] | set[object] | frozenset[object] | deque[object]",
    budget: _Budget,
    depth: int,
) -> tuple[AttributeValue, ...]:
    cleaned: list[AttributeValue] = []
    for item in tuple(value):
        if budget.nodes <= 0:
            cleaned.append(f"[cut: {len(value):,} items]")
            break
        budget.nodes -= 1
        cleaned.append(_nested(item, budget, depth + 1))
    return tuple(cleaned)


def _mapping(value: Mapping[object, object], budget: _Budget, depth: int) -> dict[str, AttributeValue]:
    cleaned: dict[str, AttributeValue] = {}
    for key, item in tuple(value.items()):
        if budget.nodes <= 0:
            cleaned["[cut]"] = f"[cut: {len(value):,} items]"
            break
        budget.nodes -= 1
        cleaned[_key(key)] = _nested(item, budget, depth + 1)
    return cleaned


def _key(key: object) -> str:
    text = key if isinstance(key, str) else sanitize(key)
    return sanitize_text(str.__str__(text if isinstance(text, str) else str(text)), MAX_KEY) or "[empty]"


def _unprintable(value: object) -> str:
    # type() cannot be fooled by the object, and a class's name is always a str, if not always a clean one.
    return f"[unprintable {sanitize_text(type.__getattribute__(type(value), '__name__'), MAX_KEY)}]"
