"""One process owns a database folder: a lock that dies with its holder, and names it."""

import fcntl
import os
from pathlib import Path
from typing import IO


class FolderLockedError(Exception):
    """Another process has the folder; the message names it."""


class FolderLock:
    """The lock on a database folder, from creation until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: IO[str] = (folder / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise FolderLockedError(
                f"the folder {folder} belongs to a running server ({holder});"
                " stop that one, or set CHATTRAIL_EMBEDDED_DATA to another folder"
            ) from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let another process have the folder."""
        self._file.close()
