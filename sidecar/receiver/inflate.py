"""Inflating request bodies under a cap that is checked while inflating."""

import zlib
from collections.abc import Callable

from common.inflating import ERRORS, Inflater, zlib_inflater, zstd_inflater
from sidecar.errors import MalformedError

# the largest window RFC 8878 asks decoders to support; one frame can't make us allocate more than this
ZSTD_WINDOW_LOG = 23
# input is handed over in slices, because a decoder copies what it leaves unused
SLICE = 64 * 1024
# many tiny members cost much time for little data; bgzip at our largest body needs about 500
MEMBERS = 1000

_INFLATERS: dict[str, Callable[[], Inflater]] = {
    "gzip": lambda: zlib_inflater(16 + zlib.MAX_WBITS),
    "x-gzip": lambda: zlib_inflater(16 + zlib.MAX_WBITS),
    "deflate": lambda: zlib_inflater(zlib.MAX_WBITS),
    "zstd": lambda: zstd_inflater(ZSTD_WINDOW_LOG),
}
ENCODINGS = frozenset({"", "identity", *_INFLATERS})


class TooLargeError(Exception):
    """The inflated body would exceed the cap; inflating has stopped."""


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Inflate a whole body: members or frames one after another are joined, as RFC 1952 and RFC 8878 say.

    Raises TooLargeError as soon as more than `limit` bytes came out, MalformedError on damaged or truncated input.
    """
    if encoding in ("", "identity"):
        if len(body) > limit:
            raise TooLargeError
        return body
    pieces: list[bytes] = []
    total, inflater, view = 0, _INFLATERS[encoding](), memoryview(body)
    try:
        for at in range(0, len(view), SLICE):
            for piece in inflater.feed(view[at : at + SLICE]):
                if inflater.frames > MEMBERS:
                    raise MalformedError(f"the {encoding} body has more than {MEMBERS} members")
                total += len(piece)
                if total > limit:
                    raise TooLargeError
                pieces.append(piece)
        inflater.finish()
    except ERRORS:
        # the libraries' own words name stream internals that help nobody at the sending end
        hint = f", or needs a window above {1 << ZSTD_WINDOW_LOG} bytes" if encoding == "zstd" else ""
        raise MalformedError(f"the body is not valid {encoding}, though Content-Encoding says so{hint}") from None
    except EOFError:
        raise MalformedError(f"the {encoding} body is truncated") from None
    return b"".join(pieces)
