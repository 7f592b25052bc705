"""Content codings of requests and answers: gzip, deflate, zstd, lz4 (frames), in pieces, never a whole body at once."""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

import lz4.frame
import zstandard

from sidecar.embedded.block_compression import LZ4, METHODS, BlockDeflater, BlockInflater
from sidecar.embedded.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, ClickHouseError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE: Final = 1 << 20
ZSTD_WINDOW_LOG: Final = 27  # a server's, too


class Inflater(Protocol):
    """Gives the plain bytes of a coded stream, piece by piece, each of them about a megabyte at most."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next coded bytes; yield what they hold."""
        ...

    def finish(self) -> None:
        """Raise ClickHouseError if the stream broke off."""
        ...


class Deflater(Protocol):
    """Codes an answer, piece by piece."""

    def compress(self, data: bytes) -> bytes:
        """Code the next bytes; what comes out may lag behind."""
        ...

    def flush(self) -> bytes:
        """The last coded bytes."""
        ...


class Identity:
    """No coding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pass through."""
        yield data

    def finish(self) -> None:
        """Nothing can be missing."""


class ZlibInflater:
    """gzip and deflate; several gzip members in a row are one body."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, told by the header

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Inflate at most a megabyte a step, so that a bomb is stopped by the caller's count."""
        while data:
            if self._zlib.eof:
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield self._zlib.decompress(data, PIECE)
            data = self._zlib.unconsumed_tail or self._zlib.unused_data

    def finish(self) -> None:
        """Check that the last member ended."""
        if not self._zlib.eof:
            raise EOFError


class Decompressor(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out of what was taken."""
        ...

    @property
    def unused_data(self) -> bytes | None:
        """What came behind the end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take the next coded bytes; at most so many plain ones."""
        ...


class FrameInflater:
    """zstd and LZ4 frames; several in a row are one body."""

    def __init__(self, make: Callable[[], Decompressor]) -> None:
        self._make, self._frame = make, make()
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Inflate at most a megabyte a step."""
        while data or not self._frame.needs_input:
            if self._frame.eof:
                self._frame = self._make()
            self._fed = True
            yield self._frame.decompress(data, PIECE)
            data = (self._frame.unused_data or b"") if self._frame.eof else b""
            if self._frame.eof and not data:
                return

    def finish(self) -> None:
        """Check that the last frame ended."""
        if self._fed and not self._frame.eof:
            raise EOFError


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


class BothInflater:
    """A body with a Content-Encoding around ClickHouse's own compressed blocks."""

    def __init__(self, outer: Inflater) -> None:
        self._outer, self._inner = outer, BlockInflater()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Inflate both."""
        for piece in self._outer.feed(data):
            yield from self._inner.feed(piece)

    def finish(self) -> None:
        """Check that both ended."""
        self._outer.finish()
        self._inner.finish()


class BothDeflater:
    """The same for an answer."""

    def __init__(self, outer: Deflater, inner: Deflater) -> None:
        self._outer, self._inner = outer, inner

    def compress(self, data: bytes) -> bytes:
        """Code both ways."""
        return self._outer.compress(self._inner.compress(data))

    def flush(self) -> bytes:
        """The last coded bytes."""
        return self._outer.compress(self._inner.flush()) + self._outer.flush()


INFLATERS: Final[dict[str, Callable[[], Inflater]]] = {
    "": Identity,
    "identity": Identity,
    "gzip": ZlibInflater,
    "x-gzip": ZlibInflater,
    "deflate": ZlibInflater,
    "zstd": lambda: FrameInflater(
        lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})
    ),
    "lz4": lambda: FrameInflater(lz4.frame.LZ4FrameDecompressor),
}
# In order of preference: what a client takes of these is used.
DEFLATERS: Final[dict[str, Callable[[], Deflater]]] = {
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "lz4": Lz4Deflater,
    "gzip": lambda: zlib.compressobj(3, wbits=zlib.MAX_WBITS | 16),
    "deflate": lambda: zlib.compressobj(3),
}


def inflater(coding: str, blocks: bool = False) -> Inflater:
    """The reader of a Content-Encoding and, within it, of compressed blocks. Raises ClickHouseError for an unknown one."""
    try:
        outer = INFLATERS[coding.strip().lower()]()
        return BothInflater(outer) if blocks else outer
    except KeyError:
        known = ", ".join(name for name in INFLATERS if name)
        raise ClickHouseError(
            UNKNOWN_COMPRESSION_METHOD, f"Unknown Content-Encoding {coding!r}; known: {known}"
        ) from None


def inflate(reader: Inflater, data: bytes) -> Iterator[bytes]:
    """Feed a reader; what is not in the coding it should be raises ClickHouseError."""
    try:
        yield from reader.feed(data)
    except (zlib.error, zstd.ZstdError, RuntimeError, EOFError) as error:
        raise ClickHouseError(
            CANNOT_DECOMPRESS, f"The body is not in its Content-Encoding ({type(error).__name__})"
        ) from None


def finish(reader: Inflater) -> None:
    """Check that a coded body ended where it should."""
    try:
        reader.finish()
    except EOFError:
        raise ClickHouseError(CANNOT_DECOMPRESS, "The compressed body broke off") from None


def deflater(coding: str | None, blocks: int | None) -> Deflater | None:
    """The writer of an answer: compressed blocks by a method, a content coding, one in the other, or None for neither."""
    outer = DEFLATERS[coding]() if coding else None
    if blocks is None:
        return outer
    return BothDeflater(outer, BlockDeflater(blocks)) if outer else BlockDeflater(blocks)


def block_method(fields: Mapping[str, str]) -> int | None:
    """How `compress=1` wants the blocks of an answer: by `network_compression_method`, else LZ4, which all clients read."""
    if fields.get("compress", "0") in ("", "0", "false"):
        return None
    return METHODS.get(fields.get("network_compression_method", "").upper(), LZ4)


def choose(accepted: str) -> str | None:
    """The coding for an answer by its Accept-Encoding header; None for none."""
    offers = [offer.strip().lower() for offer in accepted.split(",")]
    names = {offer.partition(";")[0].strip() for offer in offers if not offer.replace(" ", "").endswith(";q=0")}
    return next((name for name in DEFLATERS if name in names), None)
