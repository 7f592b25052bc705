"""Rows for a ClickHouse table in its RowBinary format, whatever they hold: no driver checks or converts a value."""

import re
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from clickhouse_connect.driver.client import Client

NUMBERS = {
    "UInt8": "<B", "UInt16": "<H", "UInt32": "<I", "UInt64": "<Q", "Int8": "<b", "Int16": "<h", "Int32": "<i", "Int64": "<q",
    "Float64": "<d", "Bool": "<B", "DateTime": "<I", "DateTime64": "<q", "Enum8": "<b",
}  # fmt: skip


def columns(client: Client, table: str) -> dict[str, str]:
    """The columns of a table that can be inserted into, with their types; LowCardinality left out, which is storage only."""
    rows = client.query(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
        " AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY position",
        parameters={"table": table},
    ).result_rows
    return {name: re.sub(r"LowCardinality\((\w+)\)", r"\1", type_) for name, type_ in rows}


def insert(client: Client, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows in one block; a column that a row does not name has its default there."""
    types = columns(client, table)
    block = b"".join(
        b"\0" + encode(type_, row[name]) if name in row else _default(type_)
        for row in rows
        for name, type_ in types.items()
    )
    client.raw_insert(table, list(types), block, fmt="RowBinaryWithDefaults", settings={"async_insert": 0})


def _default(type_: str) -> bytes:
    # the format's own default of an enum is 0, also of one that has none
    numbers = re.findall(r"= (-?\d+)", type_) if type_.startswith("Enum8") else []
    return b"\0" + encode(type_, min(map(int, numbers))) if numbers else b"\1"


def encode(type_: str, value: Any) -> bytes:
    """A value of a type: numbers and times as their numbers, text as str or bytes."""
    name, _, inner = type_.partition("(")
    if name in NUMBERS:
        return struct.pack(NUMBERS[name], value)
    if name == "String":
        raw = value if isinstance(value, bytes) else value.encode()
        return _count(len(raw)) + raw
    if name == "UUID":
        return struct.pack("<QQ", value >> 64, value & (2**64 - 1))
    if name == "Array":
        return _count(len(value)) + b"".join(encode(inner.removesuffix(")"), item) for item in value)
    if name == "Map":
        key_type, value_type = inner.removesuffix(")").split(", ")
        return _count(len(value)) + b"".join(
            encode(key_type, key) + encode(value_type, item) for key, item in value.items()
        )
    raise ValueError(f"no encoding for {type_}")


def _count(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])
