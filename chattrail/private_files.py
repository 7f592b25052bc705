"""What a process of ours writes is its user's alone: events, pictures, logs and secrets of the people who write to a bot."""

import os
from pathlib import Path

OTHERS = 0o077


def keep_files_private() -> None:
    """From now on make files 0600 and folders 0700, whichever library makes them. To be called once at a process's start."""
    os.umask(os.umask(OTHERS) | OTHERS)


def private_folder(folder: Path) -> None:
    """Make a folder for its owner alone. One that an earlier release made gets the narrower rights."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
