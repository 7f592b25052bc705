"""The passwords that came by the environment, taken out of it once they are read.

The kernel shows a process's first environment as a file of each of its threads, to the process itself too; and the engine
has to read other files there.
"""

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

SECRET: Final = ("CHATTRAIL_EMBEDDED_PASSWORD", "CHATTRAIL_EMBEDDED_READONLY_PASSWORD")
ENV_START, ENV_END = 47, 48  # in /proc/self/stat, counted from the field after the name (proc_pid_stat(5): 50 and 51)


def forget_passwords() -> None:
    """Remove them from this process's environment, also from the copy that the kernel shows (Linux)."""
    for secret in SECRET:
        os.environ.pop(secret, None)
    if sys.platform != "linux":
        return
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="surrogateescape").rpartition(")")[2].split()
    start, end = int(fields[ENV_START]), int(fields[ENV_END])
    at = start
    for entry in ctypes.string_at(start, end - start).split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and name.decode("utf-8", "replace") in SECRET:
            ctypes.memset(at + len(name) + 1, ord("*"), len(value))
        at += len(entry) + 1
