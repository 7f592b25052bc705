"""Inflating request bodies under a cap that is checked while inflating, so a bomb costs no more memory than the cap."""

import sys
import zlib
from collections.abc import Callable

from sidecar.errors import MalformedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# the largest window RFC 8878 asks decoders to support; one frame can't make us allocate more than this
ZSTD_WINDOW_LOG = 23
PIECE = 1024 * 1024
# input is handed over in slices, because a decoder copies what it leaves unused
SLICE = 64 * 1024
# many tiny members cost much time for little data; bgzip at our largest body needs about 500
MEMBERS = 1000


class TooLargeError(Exception):
    """The inflated body would exceed the cap; inflating has stopped."""


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        return self._inner.decompress(data, max_length)

    def pending(self) -> bytes | None:
        """What to hand in next: input not yet used, or b"" while output is held back; None when it is used up."""
        return self._inner.unconsumed_tail or None


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        return self._inner.decompress(data, max_length)

    def pending(self) -> bytes | None:
        return None if self._inner.needs_input else b""


_DECODERS: dict[str, Callable[[], _Zlib | _Zstd]] = {
    "gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: _Zlib(16 + zlib.MAX_WBITS),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "zstd": _Zstd,
}
ENCODINGS = frozenset({"", "identity", *_DECODERS})


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Inflate a whole body: members or frames one after another are joined, as RFC 1952 and RFC 8878 say.

    Raises TooLargeError as soon as more than `limit` bytes came out, MalformedError on damaged or truncated input.
    """
    if encoding in ("", "identity"):
        if len(body) > limit:
            raise TooLargeError
        return body
    pieces: list[bytes] = []
    total = position = members = 0
    decoder: _Zlib | _Zstd | None = None
    view = memoryview(body)
    try:
        while position < len(view):
            if decoder is None:
                decoder = _DECODERS[encoding]()
                members += 1
                if members > MEMBERS:
                    raise MalformedError(f"the {encoding} body has more than {MEMBERS} members")
            slice_ = view[position : position + SLICE]
            position += len(slice_)
            pending: bytes | memoryview | None = slice_
            while pending is not None and not decoder.eof:
                piece = decoder.decompress(pending, min(PIECE, limit - total + 1))
                total += len(piece)
                if total > limit:
                    raise TooLargeError
                pieces.append(piece)
                pending = decoder.pending()
            if decoder.eof:
                position -= len(decoder.unused_data)
                decoder = None
    except (zlib.error, zstd.ZstdError):
        # the libraries' own words name stream internals that help nobody at the sending end
        hint = f", or needs a window above {1 << ZSTD_WINDOW_LOG} bytes" if encoding == "zstd" else ""
        raise MalformedError(f"the body is not valid {encoding}, though Content-Encoding says so{hint}") from None
    if decoder is not None:
        raise MalformedError(f"the {encoding} body is truncated")
    return b"".join(pieces)
