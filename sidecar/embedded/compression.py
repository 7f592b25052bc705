"""Content codings of requests and responses: gzip, deflate, zstd, lz4 (frames), in pieces, never a whole body at once."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import lz4.frame
import zstandard

from common.inflating import ERRORS, Inflater, zlib_inflater, zstd_inflater
from sidecar.embedded.block_compression import LZ4, METHODS, BlockDeflater, BlockInflater
from sidecar.embedded.errors import ClickHouseError, Code

ZSTD_WINDOW_LOG: Final = 27  # a server's, too
EITHER_ZLIB: Final = zlib.MAX_WBITS | 32  # gzip or zlib, known by the header


class Lz4Deflater:
    """An LZ4 frame."""

    def __init__(self) -> None:
        self._lz4 = lz4.frame.LZ4FrameCompressor()
        self._head = self._lz4.begin()

    def compress(self, data: bytes) -> bytes:
        """Code the next bytes."""
        head, self._head = self._head, b""
        return bytes(head + self._lz4.compress(data))

    def flush(self) -> bytes:
        """End the frame."""
        return bytes(self._lz4.flush())


INFLATERS: Final[dict[str, Callable[[], Inflater]]] = {
    "gzip": lambda: zlib_inflater(EITHER_ZLIB),
    "x-gzip": lambda: zlib_inflater(EITHER_ZLIB),
    "deflate": lambda: zlib_inflater(EITHER_ZLIB),
    "zstd": lambda: zstd_inflater(ZSTD_WINDOW_LOG),
    "lz4": lambda: Inflater(lz4.frame.LZ4FrameDecompressor),
}
# In order of preference: what a client takes of these is used. Each has `compress` and `flush`.
DEFLATERS: Final[dict[str, Callable[[], Any]]] = {
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "lz4": Lz4Deflater,
    "gzip": lambda: zlib.compressobj(3, wbits=zlib.MAX_WBITS | 16),
    "deflate": lambda: zlib.compressobj(3),
}


def inflaters(coding: str, blocks: bool = False) -> Sequence[Inflater | BlockInflater]:
    """The readers of a Content-Encoding and, within it, of compressed blocks. Raises ClickHouseError for an unknown one."""
    coding = coding.strip().lower()
    if coding not in ("", "identity", *INFLATERS):
        known = ", ".join(("identity", *INFLATERS))
        raise ClickHouseError(Code.UNKNOWN_COMPRESSION_METHOD, f"Unknown Content-Encoding {coding!r}; known: {known}")
    outer = [INFLATERS[coding]()] if coding in INFLATERS else []
    return [*outer, BlockInflater()] if blocks else outer


def inflate(readers: Sequence[Inflater | BlockInflater], data: bytes) -> Iterator[bytes]:
    """Feed readers, each with what the one before it gives. What is not in the coding it should be raises ClickHouseError."""
    if not readers:
        yield data
        return
    try:
        for piece in readers[0].feed(data):
            yield from inflate(readers[1:], piece)
    except ERRORS as error:
        raise ClickHouseError(
            Code.CANNOT_DECOMPRESS, f"The body is not in its Content-Encoding ({type(error).__name__})"
        ) from None


def finish(readers: Sequence[Inflater | BlockInflater]) -> None:
    """Check that a coded body ended where it should."""
    try:
        for reader in readers:
            reader.finish()
    except EOFError:
        raise ClickHouseError(Code.CANNOT_DECOMPRESS, "The compressed body broke off") from None


class Deflater:
    """Codes a response: in compressed blocks by a method, in a content coding, or one in the other."""

    def __init__(self, coding: str | None, blocks: int | None) -> None:
        self._stages: list[Any] = [] if blocks is None else [BlockDeflater(blocks)]
        if coding:
            self._stages.append(DEFLATERS[coding]())

    def compress(self, data: bytes) -> bytes:
        """Code the next bytes; what comes out may lag behind."""
        for stage in self._stages:
            data = stage.compress(data)
        return data

    def flush(self) -> bytes:
        """The last coded bytes."""
        data = b""
        for stage in self._stages:
            data = stage.compress(data) + stage.flush()
        return data


def block_method(fields: Mapping[str, str]) -> int | None:
    """How `compress=1` wants the blocks of a response: by `network_compression_method`, else LZ4, which all clients read."""
    if fields.get("compress", "0") in ("", "0", "false"):
        return None
    return METHODS.get(fields.get("network_compression_method", "").upper(), LZ4)


def choose(accepted: str) -> str | None:
    """The coding for a response by its Accept-Encoding header; None for none."""
    offers = [offer.strip().lower() for offer in accepted.split(",")]
    names = {offer.partition(";")[0].strip() for offer in offers if not offer.replace(" ", "").endswith(";q=0")}
    return next((name for name in DEFLATERS if name in names), None)
