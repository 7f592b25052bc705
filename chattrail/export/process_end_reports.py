"""Reports that processes are over, on their way to the collector: beside the events, in no count of them, never in their way."""

import logging
import time
from collections.abc import Callable, Sequence

from chattrail.export.logrecord import Packed
from chattrail.export.sequence_file import HighWaterMark, Notice
from chattrail.export.transport import Answer, Reply
from chattrail.rate_limited_log import Periodic

_log = Periodic(logging.getLogger("chattrail"))
_MOST = 500  # in one request


class Notices:
    """Those that wait. Used on the export thread alone, but for `clear`."""

    def __init__(self, high_water: HighWaterMark | None, pause: float) -> None:
        self._high_water = high_water
        self._pause = pause  # seconds until the next try
        self._waiting: list[Notice] = []
        self._next = 0.0
        self._own_end_taken = False

    def find(self) -> bool:
        """Look for processes that are gone; whether there are any."""
        if self._high_water is not None:
            self._waiting = self._high_water.left_behind()
        return bool(self._waiting)

    def due(self) -> bool:
        """Tell whether something can be sent now."""
        return bool(self._waiting) and time.monotonic() >= self._next

    def take_own_end(self) -> bool:
        """Put this process's own end behind the others; True the first time. It knows what became of every event."""
        if self._high_water is None or self._own_end_taken:
            return False
        self._own_end_taken = True
        self._next = 0.0
        if notice := self._high_water.own_end():
            self._waiting = [*self._waiting, notice]
        return True

    def tell(self, send: Callable[[Sequence[Packed]], Reply], name: Callable[[], str]) -> None:
        """Send what is due in a request of its own, once. What is not taken keeps its file, for the next start."""
        notices = self._waiting[:_MOST] if self.due() else []
        if not notices:
            return
        reply = send([notice.packed for notice in notices])
        if reply.answer is Answer.LATER:
            self._next = time.monotonic() + self._pause
            return
        if reply.answer is Answer.ACCEPTED:
            for notice in notices:
                notice.done()
        else:
            _log.warning("%s refused to hear that processes are gone: %s", name(), reply.reason)
        self._waiting = self._waiting[len(notices) :]

    def clear(self) -> None:
        """Let go of what waits, so that another process can report it."""
        for notice in self._waiting:
            notice.release()
        self._waiting = []
        if self._high_water is not None:
            self._high_water.release()
