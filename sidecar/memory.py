"""Gives memory back after large requests: the C library keeps what was freed, and the process would stay that large."""

import asyncio
import ctypes
import sys
from collections.abc import Callable

TRIM_BYTES = 1 << 20  # of requests since the last time; fewer leave nothing worth it
AFTER_S = 2.0


def _trimming() -> Callable[[int], object] | None:
    if sys.platform == "linux":
        return getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; others give back by themselves, or can't
    return None


class Trimmer:
    """Has the C library give back what is free, a little after large requests, or many small ones, have ended."""

    def __init__(self) -> None:
        self._trim = _trimming()
        self._freed = 0
        self._due = False

    def freed(self, amount: int) -> None:
        """Say that a request has ended that was so many bytes; what it held is freed at once."""
        self._freed += amount
        if self._freed >= TRIM_BYTES and self._trim is not None and not self._due:
            self._due, self._freed = True, 0
            asyncio.get_running_loop().call_later(AFTER_S, self._start)

    def _start(self) -> None:
        self._due = False
        assert self._trim is not None
        asyncio.get_running_loop().run_in_executor(None, self._trim, 0)
