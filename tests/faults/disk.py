"""A small disk of its own for one part: a tmpfs that a test fills up and makes room on again."""

import contextlib
import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from tests.support.tools import lacking, need

PIECE = 1 << 16


class SmallDisk:
    """A folder with a file system of so many MiB while used as a context manager. Its bytes are memory."""

    def __init__(self, folder: Path, mib: int) -> None:
        self.folder = folder
        self._mib = mib
        self._filler = folder / "filler"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        mount = [need("mount", package="mount"), "-t", "tmpfs", "-o", f"size={self._mib}m", "tmpfs", str(self.folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            lacking(f"no small disk can be made here: {done.stderr.strip()} (mounting needs root)")
        return self

    def __exit__(self, *_: object) -> None:
        # lazily: a process that is just being killed may still hold a file
        subprocess.run([need("umount", package="mount"), "--lazy", str(self.folder)], check=True)

    @property
    def free(self) -> int:
        """Bytes that can still be written."""
        return shutil.disk_usage(self.folder).free

    def fill(self, leave: int = 0) -> None:
        """Write until nothing more fits, then give some bytes back."""
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(PIECE))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            os.truncate(self._filler, max(0, file.tell() - leave))

    def make_room(self) -> None:
        """Take the filling away."""
        with contextlib.suppress(FileNotFoundError):
            self._filler.unlink()
