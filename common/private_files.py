"""Files of a process are readable by its user alone: events, images, logs, secrets."""

import contextlib
import os
import stat
from pathlib import Path

OTHERS = 0o077


def keep_files_private() -> None:
    """From now on make files 0600 and folders 0700, whichever library makes them. To be called once at a process's start."""
    os.umask(os.umask(OTHERS) | OTHERS)


def private_folder(folder: Path) -> None:
    """Make a folder for its owner alone. One that an earlier release made, and all that is in it, gets the narrower rights.

    What links in it point to is left alone. Raises ValueError for what belongs to somebody else.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    narrow(folder)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with contextlib.suppress(FileNotFoundError):  # a part that has not ended yet may remove its files
                narrow(Path(parent, name))


def narrow(path: Path) -> None:
    """Take the rights on a file or folder from everybody but its owner. Raises ValueError when it is somebody else's."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode) or not mode & OTHERS:
        return
    try:
        path.chmod(stat.S_IMODE(mode) & ~OTHERS)
    except PermissionError:
        raise ValueError(f"{path} belongs to another user: start as that one, or give it to yourself (chown)") from None
