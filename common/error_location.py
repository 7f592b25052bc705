"""What a log line or an answer may say of an exception whose message may hold contents."""

import traceback


def error_location(error: BaseException) -> str:
    """Return the innermost frame of an exception as file:line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else "unknown place"


def first_line(error: Exception) -> str:
    """Return the first line of a message, short enough for a log; ClickHouse's traces may quote data further down."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
