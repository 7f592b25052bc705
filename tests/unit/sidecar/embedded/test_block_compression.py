"""ClickHouse's compressed blocks: any cut of an upload, any damage, any announced size."""

import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sidecar.embedded.block_compression import (
    HEAD,
    LARGEST,
    LZ4,
    NONE,
    PIECE,
    ZSTD,
    BlockDeflater,
    BlockInflater,
    _checksum,
)
from sidecar.embedded.compression import finish, inflate
from sidecar.embedded.errors import ClickHouseError

METHODS = (NONE, LZ4, ZSTD)
UNKNOWN = zstandard.ZstdCompressor(write_content_size=False).compress(b"short")  # a frame without its size
TEXT = b"a trail of a chat, a trail of a chat, a trail of a chat"
# What clickhouse-go 2.51 makes of it.
BY_CLICKHOUSE_GO = {
    NONE: "c64154e3270d1871d926d2e320a700fa024000000037000000" + TEXT.hex(),
    LZ4: "0ec279a114f9c9aed917795132d25a1a823000000037000000ff046120747261696c206f66206120636861742c20130002001300b0"
    "6c206f6620612063686174",
    ZSTD: "4ae827741ca2baef2c82edd9197f2d4890310000003700000028b52ffd0400dd000034016120747261696c206f6620612063686174"
    "2c2001541104205bc6a1d0bb",
}


def inflated(*pieces: bytes) -> bytes:
    reader = BlockInflater()
    found = b"".join(plain for piece in pieces for plain in inflate([reader], piece))
    finish([reader])
    return found


def block(method: int, body: bytes, size: int, compressed: int | None = None) -> bytes:
    """A block with a right checksum, whatever it announces."""
    checked = HEAD.pack(method, HEAD.size + len(body) if compressed is None else compressed, size) + body
    return _checksum(checked) + checked


@given(st.lists(st.binary(max_size=300), max_size=5), st.sampled_from(METHODS), st.integers(1, 40))
def test_what_goes_in_comes_out_however_it_is_cut(texts: list[bytes], method: int, step: int) -> None:
    deflater = BlockDeflater(method)
    coded = b"".join(deflater.compress(text) for text in texts)
    assert inflated(*(coded[at : at + step] for at in range(0, len(coded), step))) == b"".join(texts)


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_is_cut_into_blocks_of_a_megabyte(method: int) -> None:
    text = bytes(range(256)) * 10_000
    coded = BlockDeflater(method).compress(text)
    assert inflated(coded) == text
    assert HEAD.unpack_from(coded, 16)[2] == PIECE


@given(st.data(), st.sampled_from(METHODS))
def test_damage_anywhere_is_an_error(data: st.DataObject, method: int) -> None:
    coded = bytearray(BlockDeflater(method).compress(TEXT) * 2)
    at = data.draw(st.integers(0, len(coded) - 1))
    coded[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ClickHouseError):
        inflated(bytes(coded))


@given(st.integers(1, 80), st.sampled_from(METHODS))
def test_an_upload_that_breaks_off_is_an_error(missing: int, method: int) -> None:
    coded = BlockDeflater(method).compress(TEXT)
    with pytest.raises(ClickHouseError, match="broke off"):
        inflated(coded[: max(len(coded) - missing, 1)])


@given(st.sampled_from(METHODS), st.binary(max_size=60), st.integers(100, 2**32 - 1))
def test_a_block_that_lies_about_its_size_is_an_error(method: int, body: bytes, size: int) -> None:
    """The checksum is right: somebody made it so."""
    with pytest.raises(ClickHouseError):
        inflated(block(method, body, size))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sizes", [(LARGEST + 1, 10), (100, LARGEST + 1), (2**32 - 1, 2**32 - 1)])
def test_too_large_a_block_is_refused_by_its_head(method: int, sizes: tuple[int, int]) -> None:
    with pytest.raises(ClickHouseError, match="smaller batches") as caught:
        inflated(b"\0" * 16 + HEAD.pack(method, *sizes))
    assert caught.value.status == 413


def test_no_memory_is_taken_for_an_announced_size() -> None:
    for made in (block(LZ4, b"\0" * 40, LARGEST), block(ZSTD, UNKNOWN, LARGEST), block(NONE, b"", LARGEST)):
        tracemalloc.start()
        with pytest.raises(ClickHouseError):
            inflated(made)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2 * PIECE


@pytest.mark.parametrize("size", [0, 8])
def test_a_block_smaller_than_its_head_is_refused(size: int) -> None:
    with pytest.raises(ClickHouseError, match="fewer than its head"):
        inflated(block(LZ4, b"", 5, size))


def test_a_body_in_no_blocks_is_refused_with_what_to_do() -> None:
    with pytest.raises(ClickHouseError, match="decompress=1"):
        inflated(b'{"a": 1, "b": "not compressed at all"}')


def test_a_block_of_many_megabytes_comes_in_pieces() -> None:
    made = block(NONE, bytes(5 * PIECE), 5 * PIECE)
    assert [len(piece) for piece in BlockInflater().feed(made)] == [PIECE] * 5


@pytest.mark.parametrize("method", METHODS)
def test_blocks_are_those_of_another_implementation(method: int) -> None:
    theirs = bytes.fromhex(BY_CLICKHOUSE_GO[method])
    assert inflated(theirs) == TEXT
    assert method != NONE or BlockDeflater(method).compress(TEXT) == theirs  # the others may find other repetitions
