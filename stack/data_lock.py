"""One launcher owns a data folder: a lock that ends with its holder, and names it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.process import StackError


@contextmanager
def locked(folder: Path, command: str) -> Iterator[None]:
    """Hold the folder. Raises StackError when another launcher holds it, whichever ports that one has."""
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            raise StackError(
                f"`make {command}` runs already with the data in {folder} (process {holder}): end that first (Ctrl-C, or"
                f" `kill {holder}`), or set CHATTRAIL_STACK_DATA to another folder, and other ports."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
