"""Files that nobody may reach: one outside the data folder, one inside beside configuration and parts, one in the engine's
working directory. What became of them, and of everything beside them."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tests.support.sweep.watch import Watch

SECRET = "CANARY-9d1f"
# What the engine writes of its own: tables and databases, and schemas that came as a text (`format_schema`).
ENGINE_WRITES = tuple(f"engine/{name}" for name in ("data", "metadata", "metadata_dropped", "store", "tmp"))
ENGINE_WRITES += ("temporary/__cache__",)


class Canaries:
    """The files, and what has happened to them. Made once the server runs: it empties its temporary folder at start."""

    def __init__(self, folder: Path, data: Path) -> None:
        self._folder = folder
        self._data = data
        self._beside = folder / "outside"
        self._beside.mkdir()
        self.outside, self.inside = self._beside / "canary.txt", data / "canary.txt"
        self.working = data / "temporary" / "canary.txt"
        for path in (self.outside, self.inside, self.working):
            path.write_text(f"{SECRET}\n")
        self._before = self._states()

    @contextlib.contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Fills the list at the end of the block: each touch of a file, and each file that is new, gone or changed."""
        touched: list[str] = []
        watch = Watch(self._beside, self.outside, self.inside, self.working)
        try:
            yield touched
            touched += watch.events()
        finally:
            watch.close()
        after = self._states()
        for path in sorted(self._before.keys() | after.keys()):
            if (was := self._before.get(path)) != (now := after.get(path)):
                touched.append(f"{path} is {'new' if was is None else 'gone' if now is None else 'changed'}")

    def _states(self) -> dict[str, str]:
        """Each file and folder with its contents and times, but what the engine writes of its own."""
        own = {self._data / name for name in ENGINE_WRITES}
        states = {}
        for root, folders, files in os.walk(self._folder):
            folders[:] = [name for name in folders if Path(root, name) not in own]
            for path in (Path(root, name) for name in (*folders, *files)):
                with contextlib.suppress(FileNotFoundError):  # a temporary file of a query that ends
                    states[str(path.relative_to(self._folder))] = _state(path)
        return states


def _state(path: Path) -> str:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return f"{status.st_mode:o}"
    contents = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{contents} {status.st_mode:o} {status.st_mtime_ns} {status.st_ino} {status.st_nlink}"
