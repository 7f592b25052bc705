"""Samples of a process's memory and file handles, through its restarts."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tests.faults.soak_growth import MIB, Growth, handle_growth, memory_growth


@dataclass(frozen=True, slots=True)
class Sample:
    at: float  # monotonic
    pid: int
    memory: int
    handles: int


class Watch:
    """`pid` gives the process of the moment; it may fail while there is none."""

    def __init__(self, pid: Callable[[], int]) -> None:
        self.samples: list[Sample] = []
        self._pid = pid

    def look(self) -> None:
        """Take a sample, unless the process is between two lives."""
        with contextlib.suppress(AssertionError, psutil.Error):
            process = psutil.Process(self._pid())
            memory, open_ = process.memory_info().rss, process.num_fds()
            self.samples.append(Sample(time.monotonic(), process.pid, memory, open_))

    def memory(self, since: float) -> Growth:
        """Of the last life, from a monotonic time on."""
        return memory_growth(self._last_life(since, "memory"))

    def handles(self, since: float) -> Growth:
        """Of the last life, from a monotonic time on."""
        return handle_growth(self._last_life(since, "handles"))

    def _last_life(self, since: float, what: str) -> list[float]:
        return [getattr(one, what) for one in self.samples if one.pid == self.samples[-1].pid and one.at >= since]

    def __str__(self) -> str:
        if not self.samples:
            return "not seen yet"
        return f"{self.samples[-1].memory / MIB:.0f} MiB, {self.samples[-1].handles} handles"
