"""Writes a block of columns in ClickHouse's Native format, from texts that have their lengths before them.

Protobuf and Native write a text alike: its length as a varint, then its bytes. So a text is copied from the request as it is.
Source of the format: ClickHouse, docs/en/interfaces/native-protocol "Columns", and the reader of clickhouse-connect.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.varint import varint

Texts = Any  # a pyarrow.BinaryArray: each a length as a varint and that many bytes

LOW_CARDINALITY_VERSION: Final = (1).to_bytes(8, "little")
ADDITIONAL_KEYS, NEW_DICTIONARY = 1 << 9, 1 << 10


class Block:
    """One block while columns are added."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.names: list[str] = []
        self._parts: list[bytes] = []

    def add(self, name: str, column_type: str, *data: bytes) -> None:
        """Add a column of any type from its bytes."""
        self.names.append(name)
        self._parts += [text(name.encode()), text(column_type.encode()), *data]

    def add_texts(self, name: str, texts: Texts) -> None:
        """Add a String column."""
        self.add(name, "String", raw(texts))

    def add_low_cardinality(self, name: str, codes: NDArray[np.integer[Any]], dictionary: Texts) -> None:
        """Add a LowCardinality(String) column: of each row a place in the dictionary."""
        self.add(name, "LowCardinality(String)", LOW_CARDINALITY_VERSION, low_cardinality(codes, dictionary))

    def add_map(
        self, name: str, lengths: NDArray[np.int64], keys: NDArray[np.integer[Any]], dictionary: Texts, values: Texts
    ) -> None:
        """Add a Map(LowCardinality(String), String) column: entries of each row, then the keys and values of all rows."""
        pairs = low_cardinality(keys, dictionary), raw(values)
        self.add(name, "Map(LowCardinality(String), String)", LOW_CARDINALITY_VERSION, offsets(lengths), *pairs)

    def serialize(self) -> bytes:
        """Return the block."""
        return b"".join([varint(len(self.names)), varint(self._rows), *self._parts])


def low_cardinality(codes: NDArray[np.integer[Any]], dictionary: Texts) -> bytes:
    """Return the dictionary and the codes as Native has them."""
    if not len(codes):
        return b""
    width = 0 if len(dictionary) <= 1 << 8 else 1 if len(dictionary) <= 1 << 16 else 2
    head = np.array([ADDITIONAL_KEYS | NEW_DICTIONARY | width, len(dictionary)], "<u8").tobytes()
    count = len(codes).to_bytes(8, "little")
    return head + raw(dictionary) + count + codes.astype(f"<u{1 << width}").tobytes()


def raw(texts: Texts) -> bytes:
    """Return the texts one behind the other."""
    _, ends, data = texts.buffers()
    if not len(texts) or data is None:
        return b""
    places = np.frombuffer(ends, np.int32)
    return bytes(memoryview(data)[int(places[texts.offset]) : int(places[texts.offset + len(texts)])])


def offsets(lengths: NDArray[np.int64]) -> bytes:
    """Return where the entries of each row of an Array or a Map end."""
    return np.cumsum(lengths).astype("<u8").tobytes()


def text(content: bytes) -> bytes:
    """Return a text behind its length."""
    return varint(len(content)) + content
