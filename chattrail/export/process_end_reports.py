"""Sends reports of ended processes to the collector. They are no events, count as none, and delay none."""

import logging
import time
from collections.abc import Callable, Sequence

from chattrail.export.logrecord import Packed
from chattrail.export.sequence_file import ProcessEndReport, SequenceFile
from chattrail.export.transport import ExportResult, ExportStatus
from chattrail.rate_limited_log import RateLimitedLog

_log = RateLimitedLog(logging.getLogger("chattrail"))
_MAX_IN_REQUEST = 500


class ProcessEndReports:
    """The reports that wait. Used on the export thread alone, except `clear`."""

    def __init__(self, sequence_file: SequenceFile | None, pause: float) -> None:
        self._file = sequence_file
        self._pause = pause  # seconds until the next attempt
        self._waiting: list[ProcessEndReport] = []
        self._next = 0.0
        self._own_end_taken = False

    def find(self) -> bool:
        """Look for processes that are gone; whether there are any."""
        if self._file is not None:
            self._waiting = self._file.left_behind()
        return bool(self._waiting)

    def due(self) -> bool:
        """Whether something can be sent now."""
        return bool(self._waiting) and time.monotonic() >= self._next

    def take_own_end(self) -> bool:
        """Append this process's own end; True the first time. By then the fate of every event is known."""
        if self._file is None or self._own_end_taken:
            return False
        self._own_end_taken = True
        self._next = 0.0
        if report := self._file.own_end():
            self._waiting = [*self._waiting, report]
        return True

    def send(self, send: Callable[[Sequence[Packed]], ExportResult], target: Callable[[], str]) -> None:
        """Send what is due in a request of its own, once. What is not accepted keeps its file, for the next start."""
        reports = self._waiting[:_MAX_IN_REQUEST] if self.due() else []
        if not reports:
            return
        result = send([report.packed for report in reports])
        if result.status is ExportStatus.RETRYABLE:
            self._next = time.monotonic() + self._pause
            return
        if result.status is ExportStatus.ACCEPTED:
            for report in reports:
                report.accepted()
        else:
            _log.warning("%s refused reports of ended processes: %s", target(), result.reason)
            for report in reports:  # before they leave the list: `clear` on another thread must not miss them
                report.release()
        self._waiting = self._waiting[len(reports) :]

    def clear(self) -> None:
        """Release what waits, so that another process can report it."""
        for report in self._waiting:
            report.release()
        self._waiting = []
        if self._file is not None:
            self._file.release()
