"""Dates in a request's headers: an unreadable one is ignored, as RFC 9110 (13.1) requires.

werkzeug ignores a text that is not a date, but fails where Python raises an OverflowError for a year or zone that a
`datetime` cannot hold (Python issue 153406, fixed in later versions).
"""

from flask import request
from werkzeug.http import parse_date

DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")
IF_RANGE, RANGE = "HTTP_IF_RANGE", "HTTP_RANGE"


def leave_out_impossible_dates() -> None:
    """Remove such headers before anything else reads them."""
    for name in DATES:
        if _is_impossible(request.environ.get(name)):
            del request.environ[name]
    if _is_impossible(request.environ.get(IF_RANGE)):  # then the condition is false, and the whole file is sent
        del request.environ[IF_RANGE]
        request.environ.pop(RANGE, None)


def _is_impossible(value: str | None) -> bool:
    try:
        parse_date(value)
    except OverflowError:
        return True
    return False
