"""Whether anybody opened, read, changed, moved or removed files, or made some in a folder: Linux tells by inotify."""

import contextlib
import ctypes
import os
import select
import struct
from pathlib import Path

ACCESS, MODIFY, ATTRIB, OPEN = 0x1, 0x2, 0x4, 0x20
MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400, 0x800
SEEN = ACCESS | MODIFY | ATTRIB | OPEN | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF | MOVE_SELF
EVENT = struct.Struct("iIII")


class Watch:
    """Counts what happens to files and folders from its creation on."""

    def __init__(self, *paths: Path) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._file = self._library.inotify_init1(os.O_NONBLOCK)
        self._paths: dict[int, Path] = {}
        for path in paths:
            number = self._library.inotify_add_watch(self._file, os.fsencode(path), SEEN)
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
