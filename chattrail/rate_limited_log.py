"""Logging that cannot flood: trouble that strikes every event is told once in a period, with how often it struck."""

import logging
import threading
import time


class Periodic:
    """Logs the first message of each kind at once, then at most one in `period` seconds. Thread-safe, never waits."""

    def __init__(self, logger: logging.Logger, period: float = 60.0) -> None:
        self._logger = logger
        self._period = period
        self._lock = threading.Lock()
        self._told: dict[str, tuple[float, int]] = {}

    def warning(self, message: str, *args: object) -> None:
        """Log `message % args` unless the same message was logged in this period; then only count it."""
        now = time.monotonic()
        with self._lock:
            since, silent = self._told.get(message, (float("-inf"), 0))
            if now - since < self._period:
                self._told[message] = (since, silent + 1)
                return
            self._told[message] = (now, 0)
        self._logger.warning(message + (f" (and {silent} more times before)" if silent else ""), *args)


def where(error: BaseException) -> str:
    """Name an exception's class and line. Its own words are left out: they may quote what a person wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
