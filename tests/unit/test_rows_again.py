"""Rows of docs/reliability.md that are run again take the place of their own lines only."""

import re

import pytest

from tests.faults.rows_again import with_rows_again

SECTION = """Written by `make faults` (2026-11-01); do not edit.
Run again on 2026-11-02: rows 2, 3.

| # | fault | runs |
| --- | --- | --: |
| 2 | cut | 5 |
| 3 | cut | 5 |
| 3 | cut, with a name that begins alike | 5 |
"""


def test_a_row_again_takes_its_line_and_is_named_with_its_day() -> None:
    text = with_rows_again(SECTION, ["| 3 | cut | 7 |\n"], frozenset({3}))
    assert "| 2 | cut | 5 |\n| 3 | cut | 7 |\n| 3 | cut, with a name that begins alike | 5 |\n" in text
    assert "Run again on 2026-11-02: rows 2.\n" in text
    assert re.search(r"rows 2\.\nRun again on \d{4}-\d\d-\d\d: rows 3\.\n\n\| # \|", text)
    assert with_rows_again(text, ["| 3 | cut | 7 |\n"], frozenset({3})) == text


def test_a_line_that_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\| 4 \| new \|"):
        with_rows_again(SECTION, ["| 4 | new | 5 |\n"], frozenset({4}))
