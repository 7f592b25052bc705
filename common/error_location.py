"""Where an exception was raised, for logs that must not hold its message."""

import traceback


def error_location(error: BaseException) -> str:
    """The innermost frame of an exception as file:line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else "unknown place"
