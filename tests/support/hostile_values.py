"""Values that a column or an attribute may hold although nothing sensible can be made of them."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from tests.support.otlp import plain

TEXTS: tuple[str, ...] = (
    "", " ", "\x00", "a\x00b\x1b[31m\r\n\t", "other", "unknown", "-", "--", "en-", "xx_YY@zz.q", "a" * 36, "NaN", "inf",
    "-Infinity", "1e999", "9" * 4000, "-" + "9" * 400, "1_000", "0x10", "½", "٣", "1,5", "{n}", "{0.__class__}", "%s %d %(x)s",
    "{{ 7*7 }}", "<b>&quot;</b>", "'\"`\\", "/../..//?#&=%2F", "\u202e\u2066\ufeff", "👩‍👩‍👧‍👦" * 50, "Z" + "\u0316" * 300,
    "long " * 200, "w" * 100_000,
)  # fmt: skip
BYTES = (b"\xff\xfe", b"caf\xe9", b"\xed\xa0\x80", b"\x80" * 400)  # no UTF-8
FLOATS = (
    math.nan, math.inf, -math.inf, 1e27, -1e27, 1.7e308, -1.7e308, 5e-324, -0.0, -1.0, 0.1, 1e9, 1e9 + 1, 86_400_000.0,
    86_400_001.0, 1e15, 2e15,
)  # fmt: skip
WIDTH = {"UInt8": (0, 255), "UInt32": (0, 2**32 - 1), "UInt64": (0, 2**64 - 1), "Int32": (-(2**31), 2**31 - 1)}
INT64 = (-(2**63), 2**63 - 1)


def of_type(type_: str) -> Iterator[Any]:
    """Hostile values of a ClickHouse type, as `tests.support.row_binary` takes them."""
    name, _, inner = type_.partition("(")
    if name == "String":
        yield from (*TEXTS, *BYTES)
    elif name == "Float64":
        yield from FLOATS
    elif name == "Bool":
        yield from (0, 1)
    elif name == "UUID":
        yield from (0, 2**128 - 1)
    elif name == "Enum8":
        yield from (1, 0, -128, 127)  # most of them are none of its own, and stored all the same
    elif name == "DateTime":
        yield from (0, 1, 2**31, 2**32 - 1)
    elif name in ("DateTime64", "Int64"):
        yield from (*INT64, 0, -1, 2**53 + 1, -(2**53) - 1)
    elif name in WIDTH:
        yield from (*WIDTH[name], 2**7, WIDTH[name][1] // 2 + 1)
    elif name == "Array":
        items = list(of_type(inner.removesuffix(")")))
        yield from ([], items, items[:1] * 20_000)
    elif name == "Map":
        key, value = inner.removesuffix(")").split(", ")
        keys, values = list(of_type(key)), list(of_type(value))
        yield from ({}, dict(zip(keys, itertools.cycle(values), strict=False)))
        yield {f"k{number}": values[-1] for number in range(3000)}
    else:
        raise ValueError(f"no values for {type_}")


def drawn_of(type_: str, keys: Sequence[str] = ()) -> st.SearchStrategy[Any]:
    """Values of a ClickHouse type, those above among them; `keys` are what a map's may be, beside any text."""
    name, _, inner = type_.partition("(")
    inner = inner.removesuffix(")")
    if name == "String":
        return st.one_of(st.sampled_from((*TEXTS, *BYTES)), st.text(max_size=40), st.binary(max_size=20))
    if name == "Float64":
        return st.one_of(st.sampled_from(FLOATS), st.floats())
    if name == "Array":
        return st.lists(drawn_of(inner), max_size=5)
    if name == "Map":
        key, value = inner.split(", ")
        known = [st.sampled_from(keys)] if keys else []
        return st.dictionaries(st.one_of(*known, drawn_of(key)), drawn_of(value), max_size=6)
    whole = {
        "Bool": (0, 1),
        "UUID": (0, 2**128 - 1),
        "DateTime": WIDTH["UInt32"],
        "DateTime64": INT64,
        "Enum8": (-128, 127),
        "Int64": INT64,
        **WIDTH,
    }
    return st.one_of(st.sampled_from(list(of_type(type_))), st.integers(*whole[name]))


deep: Any = "core"
for _ in range(40):
    deep = [deep]
ATTRIBUTES: tuple[Any, ...] = (
    *TEXTS[:-2], *FLOATS, True, False, *INT64, 2**31, b"", b"\xff\x00", [], [math.nan, "x", None], deep, {"a": {"b": [1, "/"]}},
)  # fmt: skip


def nested(value: Any) -> AnyValue:
    """A Python value as OTLP carries it, lists and dictionaries included."""
    match value:
        case None:
            return AnyValue()
        case list():
            return AnyValue(array_value=ArrayValue(values=[nested(item) for item in value]))
        case dict():
            pairs = [KeyValue(key=key, value=nested(item)) for key, item in value.items()]
            return AnyValue(kvlist_value=KeyValueList(values=pairs))
    return plain(value)
