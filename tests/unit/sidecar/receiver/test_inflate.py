"""Inflating: what goes in compressed comes out equal, and nothing gets past the cap or ends early unnoticed."""

import gzip
import os
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from backports import zstd

from sidecar.errors import MalformedError
from sidecar.receiver.inflate import ENCODINGS, MEMBERS, TooLargeError, inflate

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}
MIXED = os.urandom(200_000) * 2 + b"a" * 3_000_000


def test_every_encoding_is_tested() -> None:
    assert {"", "identity", *COMPRESS} == ENCODINGS


@pytest.mark.parametrize("encoding", COMPRESS)
@pytest.mark.parametrize("body", [b"", b"x", MIXED], ids=["empty", "one byte", "large"])
def test_round_trip(encoding: str, body: bytes) -> None:
    assert inflate(COMPRESS[encoding](body), encoding, 1 << 23) == body


@pytest.mark.parametrize("encoding", COMPRESS)
def test_members_one_after_another_are_joined(encoding: str) -> None:
    compress = COMPRESS[encoding]
    assert inflate(compress(b"one ") + compress(b"") + compress(b"two"), encoding, 100) == b"one two"


@pytest.mark.parametrize("encoding", COMPRESS)
@pytest.mark.parametrize("cut", [1, 4, 9, 5000])
def test_truncated_is_malformed(encoding: str, cut: int) -> None:
    with pytest.raises(MalformedError, match=encoding):
        inflate(COMPRESS[encoding](MIXED)[:-cut], encoding, 1 << 23)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_rubbish_and_trailing_rubbish_are_malformed(encoding: str) -> None:
    for body in (b"rubbish that is not compressed", COMPRESS[encoding](b"fine") + b"rubbish, not a member"):
        with pytest.raises(MalformedError, match="Content-Encoding"):
            inflate(body, encoding, 1000)


@pytest.mark.parametrize("encoding", ["", "identity", *COMPRESS])
def test_the_cap_is_exact(encoding: str) -> None:
    body = COMPRESS.get(encoding, bytes)(b"z" * 1000)
    assert len(inflate(body, encoding, 1000)) == 1000
    with pytest.raises(TooLargeError):
        inflate(body, encoding, 999)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_bomb_costs_no_more_than_the_cap(encoding: str) -> None:
    bomb = COMPRESS[encoding](bytes(64 << 20))
    assert len(bomb) < 70_000
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            inflate(bomb, encoding, 4 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_flood_of_empty_members_is_refused() -> None:
    with pytest.raises(MalformedError, match="members"):
        inflate(gzip.compress(b"") * (MEMBERS + 1), "gzip", 1000)


def test_a_zstd_window_beyond_what_decoders_must_support_is_told() -> None:
    window: dict[int, int] = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=window)
    body = compressor.compress(MIXED) + compressor.flush()
    with pytest.raises(MalformedError, match="window above 8388608 bytes"):
        inflate(body, "zstd", 1 << 25)
