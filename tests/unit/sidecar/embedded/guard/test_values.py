"""Rows of VALUES are looked at in windows: wherever their borders fall, the answer is that of the text as a whole."""

import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sidecar.embedded.guard.values import is_one_statement

WHOLE = re.compile(rb"(?:'(?:[^'\\]|\\.|'')*+'|[^';])*+'?", re.S)
PARTS = [
    b"'",
    b"''",
    b"\\",
    b"\\'",
    b"\\\\",
    b";",
    b"--",
    b"/*",
    b"*/",
    b"#",
    b"\n",
    b"(",
    b")",
    b",",
    b"1",
    b"a",
    b"\xff",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=24).map(b"".join)


@given(TEXTS, st.integers(1, 9))
@example(b"'''", 1)
@example(b"'a''", 2)
@example(b"'\\'';'", 2)
@example(b"'';'", 2)
def test_windows_say_what_the_whole_says(text: bytes, window: int) -> None:
    assert is_one_statement(io.BytesIO(text), window) == bool(WHOLE.fullmatch(text))


@pytest.mark.parametrize("filling", [b"x", b"''", b"\\'", b"\\\\"])
def test_a_text_of_many_windows(filling: bytes) -> None:
    long = b"(1, '" + filling * 400_000
    assert is_one_statement(io.BytesIO(long + b"')"))
    assert not is_one_statement(io.BytesIO(long + b"'); (2, 'y')"))
    assert is_one_statement(io.BytesIO(long + b";')"))
    assert not is_one_statement(io.BytesIO(long))


class Counted(io.BytesIO):
    """A file that notes how much was read at once."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.largest = max(self.largest, len(piece))
        return piece


def test_no_match_runs_over_more_than_a_window() -> None:
    rows = Counted(b"(1, 'a''b'), " * 200_000)
    assert is_one_statement(rows)
    assert rows.largest <= 1 << 20
