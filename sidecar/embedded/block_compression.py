"""ClickHouse's own compression of a body (`compress=1`, `decompress=1`): a sequence of checked blocks.

A block is a checksum (CityHash128 of version 1.0.2) of what follows it, the method (a byte), the size of the rest of the
block from the method on and the size of its data when inflated (32 bits each), and the compressed data:
https://clickhouse.com/docs/reference/interfaces/specs/NativeProtocol
"""

import struct
from collections.abc import Iterator
from typing import Final

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from sidecar.embedded.errors import ClickHouseError, Code

PIECE: Final = 1 << 20  # a block of an answer holds as much at most, as a server's does
# The largest block of an upload, by either size: a block is checked and inflated as a whole. clickhouse-go takes as much.
LARGEST: Final = 128 << 20
CHECKSUM: Final = struct.Struct("<QQ")  # the high half first
HEAD: Final = struct.Struct("<BII")
NONE, LZ4, ZSTD = 0x02, 0x82, 0x90
METHODS: Final = {"NONE": NONE, "LZ4": LZ4, "LZ4HC": LZ4, "ZSTD": ZSTD}
LZ4_LARGEST_RATIO: Final = 255  # by its format: what announces more is refused before memory is taken for it


class BlockInflater:
    """Inflates an upload. Nothing is allocated by an announced size that the bytes received can't account for."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes; yield the data of the blocks that have become whole."""
        self._waiting += data
        while (size := self._size()) is not None and len(self._waiting) >= size:
            with memoryview(self._waiting) as waiting:  # bytes, because CityHash128 never lets go of other buffers
                checksum, checked = bytes(waiting[: CHECKSUM.size]), bytes(waiting[CHECKSUM.size : size])
            del self._waiting[:size]
            yield from _inflated(checksum, checked)

    def finish(self) -> None:
        """Check that the last block ended."""
        if self._waiting:
            raise EOFError

    def _size(self) -> int | None:
        """Size of the block that begins, with its checksum; None as long as its head has not arrived."""
        if len(self._waiting) < CHECKSUM.size + HEAD.size:
            return None
        method, compressed, inflated = HEAD.unpack_from(self._waiting, CHECKSUM.size)
        if method not in (NONE, LZ4, ZSTD):
            raise ClickHouseError(
                Code.UNKNOWN_COMPRESSION_METHOD,
                f"Unknown compression method 0x{method:02x} of a block; known: NONE, LZ4, ZSTD."
                " Is the body in ClickHouse's compressed blocks, as decompress=1 says?",
            )
        if max(compressed, inflated) > LARGEST:
            raise ClickHouseError(
                Code.TOO_LARGE_SIZE_COMPRESSED,
                f"A compressed block announces {max(compressed, inflated)} bytes and may have {LARGEST} at most:"
                " insert in smaller batches",
            )
        if compressed < HEAD.size:
            raise ClickHouseError(
                Code.CANNOT_DECOMPRESS, f"A compressed block announces {compressed} bytes, fewer than its head"
            )
        return CHECKSUM.size + int(compressed)


class BlockDeflater:
    """Compresses an answer."""

    def __init__(self, method: int = LZ4) -> None:
        self._method = method
        self._zstd = zstandard.ZstdCompressor(level=1)

    def compress(self, data: bytes) -> bytes:
        """Code the next bytes, as blocks of their own."""
        view = memoryview(data)
        return b"".join(self._block(view[at : at + PIECE]) for at in range(0, len(view), PIECE))

    def flush(self) -> bytes:
        """Nothing is kept back."""
        return b""

    def _block(self, data: memoryview) -> bytes:
        body: bytes
        if self._method == LZ4:
            body = lz4.block.compress(data, store_size=False)
        else:
            body = self._zstd.compress(data) if self._method == ZSTD else bytes(data)
        checked = HEAD.pack(self._method, HEAD.size + len(body), len(data)) + body
        return _checksum(checked) + checked


def _checksum(data: bytes) -> bytes:
    return CHECKSUM.pack(*divmod(CityHash128(data), 1 << 64))


def _inflated(checksum: bytes, checked: bytes) -> Iterator[bytes]:
    """The data of a block, a megabyte at a time; only LZ4 makes the whole at once."""
    if checksum != _checksum(checked):
        raise ClickHouseError(Code.CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: the body was damaged on its way")
    method, _, size = HEAD.unpack_from(checked)
    count = 0
    try:
        for piece in _plain(method, memoryview(checked)[HEAD.size :], size):
            count += len(piece)
            if count > size:
                break
            yield piece
    except (lz4.block.LZ4BlockError, zstandard.ZstdError, MemoryError):
        count = -1
    if count != size:
        raise ClickHouseError(Code.CANNOT_DECOMPRESS, "A compressed block does not hold what its head announces")


def _plain(method: int, body: memoryview, size: int) -> Iterator[bytes]:
    if method == ZSTD:
        if zstandard.get_frame_parameters(body).content_size in (size, zstandard.CONTENTSIZE_UNKNOWN):
            reader = zstandard.ZstdDecompressor(max_window_size=LARGEST).stream_reader(body)
            while piece := reader.read(PIECE):
                yield piece
        return
    if method == LZ4:
        if size > LZ4_LARGEST_RATIO * len(body):
            return
        body = memoryview(lz4.block.decompress(body, uncompressed_size=size))
    for at in range(0, len(body), PIECE):
        yield bytes(body[at : at + PIECE])
