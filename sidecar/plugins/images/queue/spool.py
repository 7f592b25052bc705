"""Files that are whole or absent after a crash, and the spool of image bytes that came inside events."""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

LEFTOVERS = ".writing-"


def write_durably(path: Path, content: bytes, scratch: Path) -> None:
    """Write a file so that it survives a crash of the machine: temporary file, fsync, rename, fsync the folder.

    The temporary file lies in `scratch`, a folder on the same file system, where `remove_leftovers` finds it.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=scratch, prefix=LEFTOVERS)
    try:
        with os.fdopen(handle, "wb") as file:
            _lock(handle)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(temporary).rename(path)  # while it is locked
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    for folder in (path.parent, *(new.parent for new in missing)):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove what a crash left half-written. What another process is writing at this moment is locked, and stays."""
    for leftover in folder.glob(f"{LEFTOVERS}*"):
        with contextlib.suppress(FileNotFoundError), leftover.open("rb") as file:
            if _lock(file.fileno()):
                leftover.unlink()


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system without locks
        return False
    return True


class Spool:
    """Bytes of `data` events between the ack and the store, a file for each event id (a UUID)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def make(self, *, tidy: bool = True) -> list[str]:
        """Make the folder, remove what a crash left half-written, and list the events whose bytes are there. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if tidy:
            remove_leftovers(self._directory)
        return self.names()

    def names(self) -> list[str]:
        """List the events whose bytes are there."""
        return [path.stem for path in self._directory.glob("*.bin")]

    def write(self, event_id: str, content: bytes) -> None:
        """Keep the bytes durably. Raises OSError."""
        write_durably(self._path(event_id), content, self._directory)

    def read(self, event_id: str) -> bytes | None:
        """Return the bytes, or None when they are not there (any more)."""
        try:
            return self._path(event_id).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, *event_ids: str) -> None:
        """Remove the bytes of events."""
        for event_id in event_ids:
            self._path(event_id).unlink(missing_ok=True)

    def _path(self, event_id: str) -> Path:
        return self._directory / f"{event_id}.bin"
