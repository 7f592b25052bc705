"""One process owns a database folder: a lock that dies with its holder, and names it."""

import fcntl
import os
from pathlib import Path
from typing import IO


def lock(folder: Path) -> IO[str]:
    """Lock a database folder until the file is closed. Raises SystemExit that names the process which holds the lock."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = (folder / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise SystemExit(
            f"embedded ClickHouse: the folder {folder} belongs to a running server ({holder});"
            " stop that one, or set CHATTRAIL_EMBEDDED_DATA to another folder"
        ) from None
    file.truncate(0)
    file.write(f"process {os.getpid()}\n")
    file.flush()
    return file
