"""The numbers of a process's events, from 1. A number that is missing downstream is an event that was lost."""

import threading
from collections.abc import Callable


class Sequence:
    """Hands out numbers. `write` is called with the last one each time that it changes; it neither waits nor raises.

    Events that wait for others before they take their number are counted in it: a process that is killed has lost them, too.
    """

    def __init__(self, write: Callable[[int], None] | None = None) -> None:
        self._write = write
        self.restart()

    def restart(self) -> None:
        """Begin at 1 again: in a forked child, whose lock another thread may have held."""
        self._lock = threading.Lock()
        self._last = self._held = 0
        self._returned: list[int] = []  # of events that were withheld after all

    def next(self, *, in_order: bool = False) -> int:
        """Return a number that no event has: one that was given back, or, `in_order`, one after all others."""
        with self._lock:
            if self._returned and not in_order:
                return self._returned.pop()
            self._last += 1
            self._say()
            return self._last

    def hold(self, change: int) -> None:
        """Say that more events wait for a number, or fewer."""
        with self._lock:
            self._held += change
            self._say()

    def give_back(self, number: int) -> None:
        """Take back a number that no event has after all."""
        with self._lock:
            self._returned.append(number)
            while self._last in self._returned:  # nothing came after it: it was never handed out
                self._returned.remove(self._last)
                self._last -= 1
            self._say()

    def _say(self) -> None:
        if self._write is not None:
            self._write(self._last + self._held)
