"""Native answers at the revision that a client asks for (`client_protocol_version`), as a ClickHouse server writes them.

The engine writes Native at revision 0 only. Above that each block begins with a BlockInfo, and each column has a byte
after its type that says whether its serialization is a special one. To insert that byte one must know where a column
ends, which only the engine can tell for every type: its format Buffers holds the same bytes of each column behind their
size, without names and types, and DESCRIBE answers with these.

The wire format: https://clickhouse.com/docs/reference/interfaces/specs/NativeFormat
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from common.varint import varint
from sidecar.embedded.errors import ClickHouseError, Code

WITH_LOW_CARDINALITY: Final = 54405
WITH_CUSTOM_SERIALIZATION: Final = 54454
WITH_JSON_V2: Final = 54473  # the engine's Buffers hold JSON and Dynamic as revisions below this one have them
# Fields of BlockInfo: 1 is_overflows = 0, 2 bucket_num = -1 (a 32-bit integer), 0 ends them.
BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
DEFAULT_SERIALIZATION: Final = b"\x00"
WORD: Final = struct.Struct("<Q")
# The settings keep DESCRIBE's answer the same, whatever the client has set for its query.
DESCRIBED: Final = (
    "SETTINGS describe_compact_output = 1, describe_include_subcolumns = 0, print_pretty_type_names = 0 FORMAT Buffers"
)
# What the client has set for its result has been applied to it once.
ALL_ROWS: Final = (
    "SELECT * FROM format(Native, unhex({data:String})) SETTINGS limit = 0, offset = 0, additional_result_filter = ''"
)
QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`")
JSON_OR_DYNAMIC: Final = re.compile(r"\b(?:JSON|Dynamic)(?=[(),]|$)")


def revision(text: str) -> int:
    """The revision in a `client_protocol_version`; 0 for none. Raises ClickHouseError for what is not a revision."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ClickHouseError(Code.BAD_ARGUMENTS, f"client_protocol_version must be a whole number, not {text[:40]!r}")
    if 0 < int(text) < WITH_LOW_CARDINALITY:
        raise ClickHouseError(
            Code.NOT_IMPLEMENTED,
            f"client_protocol_version={text} is not supported: the lowest is {WITH_LOW_CARDINALITY}, or 0 for none",
        )
    return int(text)


def select(connection: Any, text: str, parameters: Mapping[str, str], at: int) -> Iterator[bytes]:
    """Run a query that has no FORMAT clause; its answer at a revision, block by block."""
    given = dict(parameters)
    header = _header(connection.query(f"DESCRIBE ({text}\n) {DESCRIBED}", params=given).bytes(), at)
    with connection.send_query(text, "Buffers", given) as answer:
        yield from _native((piece.bytes() for piece in answer), header)


def convert(connection: Any, data: bytes, at: int) -> Iterator[bytes]:
    """Convert the answer of a statement such as SHOW or EXPLAIN from revision 0 to another one."""
    if not data:
        return
    given = {"data": data.hex()}
    described = connection.query("DESCRIBE format(Native, unhex({data:String})) " + DESCRIBED, params=given)
    whole = connection.query(ALL_ROWS, "Buffers", given)
    yield from _native([whole.bytes()], _header(described.bytes(), at))


def _header(described: bytes, at: int) -> list[bytes]:
    """What stands before the data of each column in a block: its name, its type, the byte on its serialization."""
    header = []
    for _, (names, types, *_) in _blocks([described]):
        for name, kind in zip(_strings(names), _strings(types), strict=True):
            if at >= WITH_JSON_V2 and JSON_OR_DYNAMIC.search(QUOTED.sub("", kind.decode())):
                raise ClickHouseError(
                    Code.NOT_IMPLEMENTED,
                    f"Column {name.decode('utf-8', 'replace')}: JSON and Dynamic are not supported in the format Native"
                    f" at client_protocol_version={at}: ask for {WITH_JSON_V2 - 1} at most, or for another format",
                )
            head = varint(len(name)) + name + varint(len(kind)) + kind
            header.append(head + DEFAULT_SERIALIZATION if at >= WITH_CUSTOM_SERIALIZATION else head)
    return header


def _native(pieces: Iterable[bytes], header: list[bytes]) -> Iterator[bytes]:
    for rows, columns in _blocks(pieces):
        if len(columns) != len(header):
            raise ClickHouseError(
                Code.UNKNOWN_EXCEPTION, f"The engine described {len(header)} columns and answered with {len(columns)}"
            )
        parts: list[bytes | memoryview] = [BLOCK_INFO, varint(len(columns)), varint(rows)]
        for head, data in zip(header, columns, strict=True):
            parts += (head, data)
        yield b"".join(parts)


def _blocks(pieces: Iterable[bytes]) -> Iterator[tuple[int, list[memoryview]]]:
    """The blocks of an answer in the format Buffers: number of rows, and the bytes of each column."""
    left = b""
    for piece in pieces:
        data = memoryview(left + piece)
        while block := _block(data):
            rows, columns, data = block
            yield rows, columns
        left = bytes(data)
    if left:
        raise ClickHouseError(Code.UNKNOWN_EXCEPTION, "The engine's answer broke off in the middle of a block")


def _block(data: memoryview) -> tuple[int, list[memoryview], memoryview] | None:
    """The first block, and what follows it; None when it is not whole yet."""
    if len(data) < 2 * WORD.size:
        return None
    (count,), (rows,) = WORD.unpack_from(data), WORD.unpack_from(data, WORD.size)
    at, columns = 2 * WORD.size, []
    for _ in range(count):
        if len(data) < at + WORD.size:
            return None
        (size,) = WORD.unpack_from(data, at)
        at += WORD.size
        if len(data) < at + size:
            return None
        columns.append(data[at : at + size])
        at += size
    return rows, columns, data[at:]


def _strings(column: memoryview) -> Iterator[bytes]:
    """The values of a column of type String."""
    at = 0
    while at < len(column):
        size = shift = 0
        while True:
            byte = column[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield bytes(column[at : at + size])
        at += size
