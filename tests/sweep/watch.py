"""Canary files, and whether anybody opened, read or changed them or made files beside them: Linux tells by inotify."""

import contextlib
import ctypes
import os
import select
import struct
from collections.abc import Iterator
from pathlib import Path

OPENED = 0x20 | 0x1 | 0x2 | 0x100 | 0x200 | 0x400  # IN_OPEN, ACCESS, MODIFY, CREATE, DELETE, DELETE_SELF
EVENT = struct.Struct("iIII")


class Watch:
    """Counts what happens to files and folders from its creation on."""

    def __init__(self, *paths: Path) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._file = self._library.inotify_init1(os.O_NONBLOCK)
        self._paths: dict[int, Path] = {}
        for path in paths:
            number = self._library.inotify_add_watch(self._file, os.fsencode(path), OPENED)
            if number < 0:
                raise OSError(ctypes.get_errno(), f"inotify can't watch {path}")
            self._paths[number] = path

    def events(self) -> list[str]:
        """What was touched since the last call."""
        touched = []
        while select.select([self._file], [], [], 0)[0]:
            with contextlib.suppress(BlockingIOError):
                data, at = os.read(self._file, 1 << 16), 0
                while at < len(data):
                    number, mask, _, size = EVENT.unpack_from(data, at)
                    name = data[at + EVENT.size : at + EVENT.size + size].rstrip(b"\0").decode()
                    touched.append(f"{self._paths[number] / name} ({mask:#x})")
                    at += EVENT.size + size
        return touched

    def close(self) -> None:
        """Stop watching."""
        os.close(self._file)


@contextlib.contextmanager
def watched(*paths: Path) -> Iterator[Watch]:
    """A watch for the length of a block."""
    watch = Watch(*paths)
    try:
        yield watch
    finally:
        watch.close()
