#!/usr/bin/env bash
# glibc (2.36): malloc_trim(0) does not give back what a thread has freed at the end of its heap, up to 32 MiB, because of a
# threshold that a program has raised by freeing.
#
# malloc_trim(3) is said to work on all arenas since glibc 2.8. It goes through the free lists of each; of the "top", the free
# end of a heap, it trims the main arena's only. Two things look as if that did not matter. A large block (128 KiB and more) is
# mapped by itself and unmapped when it is freed; but the threshold is dynamic (mallopt(3), M_MMAP_THRESHOLD): each mapped block
# that is freed raises it to its own size, up to 32 MiB, so the second block of that size comes from the heap. And a thread's
# heap is cut when its top is above M_TRIM_THRESHOLD; but that is raised along, to twice the size. So a Python program that
# decodes bodies with asyncio.to_thread keeps tens of MB for each thread, whatever it trims. Setting M_MMAP_THRESHOLD, to any
# value, switches both off. Found as resident memory that stayed after a request that was refused: sidecar/memory.py.
#
# No package is needed: the behaviour is the C library's, here through ctypes of the system's Python.
# Output seen, in MiB that stay after malloc_trim(0) (16 MiB and then 15 MiB were allocated, filled and freed by a thread):
#   dynamic threshold 15
#   fixed threshold 0
set -euo pipefail
python3 - <<'PYTHON'
import ctypes
import os
import sys
import threading

M_MMAP_THRESHOLD = -3
MIB = 1 << 20


def measure(fixed: bool) -> int:
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    if fixed:
        library.mallopt(M_MMAP_THRESHOLD, MIB)
    freed, end = threading.Event(), threading.Event()

    def work() -> None:
        for size in (16 * MIB, 15 * MIB):
            block = library.malloc(size)
            ctypes.memset(block, 1, size)
            library.free(block)
        freed.set()
        end.wait()

    before = resident()
    thread = threading.Thread(target=work)
    thread.start()
    freed.wait()
    library.malloc_trim(0)
    stays = resident() - before
    end.set()
    thread.join()
    return stays // MIB


def resident() -> int:
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def in_a_process_of_its_own(fixed: bool) -> int:
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, str(measure(fixed)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return int(os.read(reading, 100))


dynamic, fixed = in_a_process_of_its_own(False), in_a_process_of_its_own(True)
print("dynamic threshold", dynamic)
print("fixed threshold", fixed)
sys.exit(not (dynamic >= 14 and fixed <= 1))
PYTHON
