"""Gives memory back after large requests: the C library keeps what was freed, and the process would stay that large."""

import asyncio
import ctypes
import sys
from collections.abc import Callable

TRIM_BYTES = 1 << 20  # of requests since the last time; fewer leave nothing worth it
AFTER_S = 2.0
# glibc, mallopt(3): a block from this size on is given back when it is freed. Left alone, glibc raises the size up to 32 MiB as
# such blocks are freed; they then lie in a heap of the thread that asked for them, whose end malloc_trim does not reach.
M_MMAP_THRESHOLD = -3
# Free memory at the end of a heap stays up to here: given back at each free, which is the C library's way once a threshold is set,
# blocks of columns had 20,000 pages faulted in anew for 8,000 records, a third of their processor time. Heaps of threads keep it
# for good, so there are two.
M_TRIM_THRESHOLD, KEPT_BYTES = -1, 8 << 20
M_ARENA_MAX, ARENAS = -8, 2


def _trimming() -> Callable[[int], object] | None:
    """Set the C library's allocator up and return what trims it."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    trim: Callable[[int], object] | None = getattr(library, "malloc_trim", None)
    if trim is not None:  # of glibc; others give back by themselves, or can't
        library.mallopt(M_MMAP_THRESHOLD, TRIM_BYTES)
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_ARENA_MAX, ARENAS)
    return trim


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
