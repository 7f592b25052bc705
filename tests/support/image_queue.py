"""The archiver with a store that remembers everything, in this process or as one that is killed at a chosen point.

`python -m tests.support.image_queue FOLDER` works on the journal in FOLDER/data and the store in FOLDER/remote until nothing
is open. It says `acked ID` for each image it took. With KILL_AT it kills itself at that point of the first upload; SEED and
IMAGES choose what it is given.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import random
import signal
import sqlite3
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

from sidecar.plugin import Clock, Context
from sidecar.plugins.images.plugin import ImageArchiver
from sidecar.plugins.images.settings import ImagesSettings
from sidecar.plugins.images.stores.base import Note, Upload
from sidecar.telemetry.metrics import Metrics
from tests.support.archives import generated
from tests.support.image_host import image_bytes
from tests.support.otlp import event
from tests.support.receivers import until

NOWHERE = "http://default@127.0.0.1:1/chattrail"
POINTS = ("before_note", "after_note", "half_way", "after_upload")


class RecordingStore:
    """Gives every upload a key of its own, as Cloudflare does, so a second copy or an orphan shows as a file too many."""

    name: ClassVar[str] = "recording"

    def __init__(self, folder: Path, kill_at: str = "") -> None:
        self.folder = folder
        self.kill_at = kill_at
        self.raises: dict[str, list[BaseException]] = {}
        """Exceptions to raise at a point, first to last."""
        self.calls: list[str] = []

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    async def put(self, image: Upload, note: Note) -> str:
        self.calls.append("put")
        key = uuid.uuid4().hex
        self._point("before_note")
        await note(key)
        self._point("after_note")
        half = self.folder / f"{key}.half"
        half.write_bytes(image.content[: len(image.content) // 2])
        self._point("half_way")
        half.write_bytes(image.content)
        half.rename(self.folder / key)
        await asyncio.sleep(0)
        self._point("after_upload")
        return key

    async def settle(self, key: str) -> bool:
        self.calls.append("settle")
        self._point("settle")
        (self.folder / f"{key}.half").unlink(missing_ok=True)
        return (self.folder / key).is_file()

    async def delete(self, key: str) -> None:
        self.calls.append("delete")
        self._point("delete")
        (self.folder / key).unlink(missing_ok=True)

    async def close(self) -> None:
        """Nothing is held."""

    def _point(self, name: str) -> None:
        if self.kill_at == name:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.raises.get(name):
            raise self.raises[name].pop(0)

    def contents(self) -> list[str]:
        """SHA-256 of every file there is, whole or not."""
        return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in self.folder.glob("*"))


def build(folder: Path, store: RecordingStore, metrics: Metrics | None = None, **given: Any) -> ImageArchiver:
    """An archiver without a ClickHouse, on a journal that is known to hold all there is."""
    settings = {"url": NOWHERE, "backoff_s": 0.01, "concurrency": 4, **given}
    context = Context(Clock(), logging.getLogger("sidecar.images"), metrics or Metrics(), folder / "data")
    return ImageArchiver(ImagesSettings.model_validate(settings), context, store)


async def started(archiver: ImageArchiver) -> ImageArchiver:
    """Start it as if its journal had been filled from the table."""
    await archiver.start()
    await archiver._jobs.set_meta("filled", "yes")
    archiver._publisher.filled.set()
    return archiver


def jobs(folder: Path) -> list[dict[str, Any]]:
    """The journal's jobs, read as another process would."""
    with contextlib.closing(sqlite3.connect(folder / "data" / "journal.sqlite")) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM jobs ORDER BY created_at, event_id")]


def images(seed: int, count: int) -> dict[str, bytes]:
    """Events with their images: some are the same image."""
    chance = random.Random(seed)
    kinds = [image_bytes(size=(8, 8), colour=f"#{number:06x}") for number in range(max(count * 2 // 3, 1))]
    return {str(uuid.UUID(int=chance.getrandbits(128), version=4)): chance.choice(kinds) for _ in range(count)}


class Queue:
    """An archiver on a recording store, over restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = RecordingStore(folder / "remote")
        self.metrics = Metrics()

    @contextlib.asynccontextmanager
    async def running(self, **given: Any) -> AsyncIterator[ImageArchiver]:
        archiver = await started(build(self.folder, self.store, self.metrics, **given))
        try:
            yield archiver
        finally:
            await archiver.shutdown()

    async def ended(self, count: int = 1) -> list[dict[str, Any]]:
        def all_ended() -> bool:
            found = jobs(self.folder)
            return len(found) >= count and not any(job["state"] in ("pending", "uploading") for job in found)

        await until(all_ended)
        return jobs(self.folder)

    def remark(self, name: str) -> str:
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "journal.sqlite")) as db:
            return "".join(row[0] for row in db.execute("SELECT value FROM meta WHERE name = ?", [name]))

    def spooled(self) -> list[str]:
        return [path.stem for path in (self.folder / "data" / "spool").iterdir()]


def image_event(content: bytes) -> Any:
    """An image_generated event that brings its image's bytes."""
    return event("image_generated", event_id=str(uuid.uuid4()), attributes={"chattrail.image.data": content})


async def _main(folder: Path) -> None:
    store = RecordingStore(folder / "remote", os.environ.get("KILL_AT", ""))
    archiver = await started(build(folder, store))
    for event_id, content in images(int(os.environ["SEED"]), int(os.environ["IMAGES"])).items():
        await archiver.handle(generated(event_id, data=content))
        print("acked", event_id, flush=True)
    while any(job["state"] in ("pending", "uploading") for job in jobs(folder)):  # noqa: ASYNC110 -- no event tells of it
        await asyncio.sleep(0.02)
    await archiver.shutdown()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
