"""Logging that cannot flood: a fault of every event is logged once in a period, with the number of repetitions."""

import logging
import threading
import time

from chattrail.forks import after_fork_in_child


class RateLimitedLog:
    """Logs the first message of each kind at once, then at most one in `period` seconds. Thread-safe, never waits."""

    def __init__(self, logger: logging.Logger, period: float = 60.0) -> None:
        self._logger = logger
        self._period = period
        self._logged: dict[str, tuple[float, int]] = {}
        self._renew_lock()
        after_fork_in_child(self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def warning(self, message: str, *args: object) -> None:
        """Log `message % args` unless the same message was logged in this period; then only count it."""
        now = time.monotonic()
        with self._lock:
            since, omitted = self._logged.get(message, (float("-inf"), 0))
            if now - since < self._period:
                self._logged[message] = (since, omitted + 1)
                return
            self._logged[message] = (now, 0)
        self._logger.warning(message + (f" (and {omitted} more times before)" if omitted else ""), *args)


def error_location(error: BaseException) -> str:
    """Return an exception's class and line. Its message is left out: it may quote what a person wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
