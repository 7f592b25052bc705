"""Texts of many records in one array, each behind its length, and the texts that ClickHouse gives values."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sidecar.otlp.scan import OddRequestError, Places
from sidecar.plugins.clickhouse.columns.native_block import Texts, text

Codes = NDArray[np.integer[Any]]


def texts_of(contents: Sequence[bytes]) -> Texts:
    """Return texts behind their lengths."""
    return pa.array([text(content) for content in contents], pa.binary())


def sliced(body: pa.Buffer, places: Places) -> Texts:
    """Return the parts of a body between these places, and what lies between the parts, without a copy of it.

    Raises OddRequestError when they are not in order.
    """
    if (places[1:] < places[:-1]).any():
        raise OddRequestError
    return pa.Array.from_buffers(
        pa.binary(), len(places) - 1, [None, pa.py_buffer(places.astype("<i4").tobytes()), body]
    )


def take(texts: Texts, places: Places) -> Texts:
    """Return the texts at these places."""
    return texts.take(pa.array(places))


def encoded(texts: Texts) -> tuple[Codes, Texts]:
    """Return codes and dictionary of texts."""
    made = texts.dictionary_encode()
    return made.indices.to_numpy(), made.dictionary


def each(places: Places, contents: Sequence[bytes]) -> tuple[Codes, Texts]:
    """Return codes and dictionary of contents that are chosen by their places."""
    codes = {content: code for code, content in enumerate(dict.fromkeys(contents))}
    return np.array([codes[content] for content in contents], np.int64)[places], texts_of(list(codes))


def contents_of(texts: Texts) -> list[bytes]:
    """Return texts without their lengths."""
    return [content_of(one) for one in texts.to_pylist()]


def ragged(starts: Places, lengths: Places) -> Places:
    """Return the numbers from each start on, as many as its length says, one behind the other."""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) - np.repeat(before - starts, lengths)


def whole_texts(bits: NDArray[np.uint64]) -> Texts:
    """Return the texts of whole numbers."""
    return _with_lengths(pa.array(bits.view(np.int64)).cast(pa.string()).cast(pa.binary()))


def double_texts(bits: NDArray[np.uint64]) -> Texts:
    """Return the texts of floating-point numbers. Raises OddRequestError where ClickHouse's isn't sure."""
    return _with_lengths(pa.array([double_text(number) for number in bits.view(np.float64).tolist()], pa.binary()))


def bool_texts(bits: NDArray[np.uint64]) -> Texts:
    """Return the texts of truth values."""
    return take(texts_of([b"false", b"true"]), bits.astype(np.int64))


def double_text(number: float) -> bytes:
    """Return the text of a number as ClickHouse writes it. Raises OddRequestError where that isn't sure."""
    shown = repr(number)
    if "e" in shown or "n" in shown:  # powers of ten are written in other ways; nan and inf
        raise OddRequestError
    return shown.removesuffix(".0").encode()


EMPTY: Final = texts_of([b""])


def is_empty(texts: Texts) -> NDArray[np.bool_]:
    """Return which texts are empty."""
    found: NDArray[np.bool_] = pc.equal(texts, EMPTY[0]).to_numpy(zero_copy_only=False)
    return found


def chosen(condition: NDArray[np.bool_], texts: Texts, others: Texts) -> Texts:
    """Return the first texts where the condition holds, the others where it does not."""
    return pc.if_else(pa.array(condition), texts, others)


_LENGTHS: Final = pa.array([bytes((length,)) for length in range(128)], pa.binary())


def _with_lengths(short: pa.BinaryArray) -> Texts:
    """Put its length before each text of less than 128 bytes."""
    return pc.binary_join_element_wise(_LENGTHS.take(pc.binary_length(short)), short, pa.scalar(b"", pa.binary()))


def content_of(one: bytes) -> bytes:
    """Return a text without its length."""
    at = 0
    while one[at] & 0x80:
        at += 1
    return one[at + 1 :]
