"""Inflating a compressed stream piece by piece, so that a decompression bomb costs its reader one piece and no more."""

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE: Final = 1 << 20
ERRORS: Final = (zlib.error, zstd.ZstdError, RuntimeError)  # the last one of LZ4


class Inflater:
    """Inflates members or frames, of which several in a row are one body.

    `make` returns what inflates one frame, with the interface of the standard library's `ZstdDecompressor`.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._frame: Any = None
        self.frames = 0

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Take the next bytes; yield what they hold, a megabyte at most each time. Raises one of ERRORS."""
        while data or (self._frame is not None and not self._frame.needs_input):
            if self._frame is None:
                self._frame = self._make()
                self.frames += 1
            yield self._frame.decompress(data, PIECE)
            data = b""
            if self._frame.eof:
                data, self._frame = self._frame.unused_data or b"", None

    def finish(self) -> None:
        """Raise EOFError when the last frame did not end."""
        if self._frame is not None:
            raise EOFError


def zlib_inflater(window_bits: int) -> Inflater:
    """Return an inflater of gzip, zlib or both, by zlib's `wbits`."""
    return Inflater(lambda: _Zlib(window_bits))


def zstd_inflater(window_log: int) -> Inflater:
    """Return an inflater of zstd whose frames may ask for a window of 2 to this power."""
    return Inflater(lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window_log}))


class _Zlib:
    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self.needs_input, self.eof, self.unused_data = True, False, b""

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        tail = self._inner.unconsumed_tail
        plain = self._inner.decompress(b"".join((tail, data)) if tail else data, max_length)
        self.needs_input, self.eof = not self._inner.unconsumed_tail, self._inner.eof
        self.unused_data = self._inner.unused_data
        return plain
