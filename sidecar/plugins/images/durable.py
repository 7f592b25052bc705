"""Files that are whole or absent after a crash, and the spool of picture bytes that came inside events."""

import os
import tempfile
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that it survives a crash of the machine: temporary file, fsync, rename, fsync the folder."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    for folder in (path.parent, *(new.parent for new in missing)):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Spool:
    """Bytes of `data` events between the ack and the store, a file for each event id (a UUID)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def make(self) -> None:
        """Make the folder and remove what a crash left half-written. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for leftover in self._directory.glob(".writing-*"):
            leftover.unlink(missing_ok=True)

    def write(self, event_id: str, content: bytes) -> None:
        """Keep the bytes durably. Raises OSError."""
        write_durably(self._path(event_id), content)

    def read(self, event_id: str) -> bytes | None:
        """Return the bytes, or None when they are not there (any more)."""
        try:
            return self._path(event_id).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, event_id: str) -> None:
        """Forget the bytes."""
        self._path(event_id).unlink(missing_ok=True)

    def _path(self, event_id: str) -> Path:
        return self._directory / f"{event_id}.bin"
