"""Log lines: what a client sends neither begins a line nor steers a terminal."""

import logging
import re

from hypothesis import given
from hypothesis import strategies as st

from common.log_format import SafeFormatter

ANYTHING = st.text(st.characters(exclude_categories=()))


def line(message: str, *values: object, error: Exception | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    return SafeFormatter("%(levelname)s %(message)s").format(
        logging.LogRecord("n", logging.INFO, __file__, 1, message, values, info)
    )


def test_plain_lines_are_as_they_were() -> None:
    assert line("query %r: error %d", "naïve ☂ id", 60) == "INFO query 'naïve ☂ id': error 60"


def test_what_would_begin_a_line_is_indented_and_controls_are_shown() -> None:
    assert (
        line("a\nERROR forged\r\x1b[2J\u2028b\x85c\u202e") == "INFO a\n    ERROR forged\\r\\x1b[2J\\u2028b\\x85c\\u202e"
    )


@given(ANYTHING)
def test_one_record_begins_one_line(text: str) -> None:
    for written in (line("%s", text), line("fault", error=ValueError(text))):
        first, *more = re.split("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", written)
        assert first.startswith("INFO ")
        assert [each for each in more if not each.startswith("    ")] == []
        assert all(letter == "\n" or ord(letter) >= 32 for letter in written)
        written.encode()
