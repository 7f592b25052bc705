"""The rig of the rows on pictures: the parts of every row, and a store behind a proxy of its own.

sender ── sidecar ── ClickHouse
             └────── to_store ── Cloudflare's double, S3, or a folder
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from tests.faults.cluster import Rig, running_rig
from tests.faults.disk import SmallDisk
from tests.faults.image_oracle import PictureOracle
from tests.faults.image_stores import Cloudflare, Shelf
from tests.faults.oracle import verified
from tests.faults.proxy import Proxy
from tests.support.embedded import EmbeddedClickHouse

HASTE = {
    "IMAGES_LOOPBACK_HOSTS": "127.0.0.1",
    "IMAGES_BACKOFF_S": "0.1",
    "IMAGES_STORE_TIMEOUT_S": "4",
    "IMAGES_TIMEOUT_S": "1",
}
DISK_MIB = 32


class Stage:
    """What a strike on pictures may use, and how it tells when things may go on."""

    def __init__(self, rig: Rig, shelf: Shelf, to_store: Proxy | None, oracle: PictureOracle, data: Path) -> None:
        self.rig = rig
        self.shelf = shelf
        self.oracle = oracle
        self.data = data  # of the sidecar's images plugin
        self.disk: SmallDisk | None = None
        self.recoveries: list[float] = []
        self._to_store = to_store
        self._lifted = 0.0
        self._ended = 0

    @property
    def to_store(self) -> Proxy:
        assert self._to_store is not None
        return self._to_store

    @property
    def cloudflare(self) -> Cloudflare:
        assert isinstance(self.shelf, Cloudflare)
        return self.shelf

    def lifted(self) -> None:
        """From now on pictures should go on: the fault is over, or the sidecar was killed just now."""
        self._lifted, self._ended = time.monotonic(), self.oracle.ended()

    async def recovered(self) -> None:
        """Wait for the next picture that ends after the fault, and note how long that took."""
        await verified(lambda: self.oracle.ended() > self._ended, "a picture ends after the fault")
        self.recoveries.append(time.monotonic() - self._lifted)

    async def checkpoint(self) -> None:
        """Have the journal's WAL taken into its file."""

        def taken() -> bool:
            with contextlib.closing(sqlite3.connect(self.data / "journal.sqlite", timeout=10)) as journal:
                busy, *_ = journal.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

        await verified(taken, "the journal's WAL is taken into its file")

    async def kill(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Kill the sidecar, do what is to be done meanwhile, and start it again."""
        await self.rig.end_sidecar()
        self.lifted()
        await asyncio.to_thread(meanwhile)
        await self.rig.start_sidecar()


@contextlib.asynccontextmanager
async def running_stage(
    folder: Path,
    clickhouse: EmbeddedClickHouse,
    make_shelf: Callable[[Path], Shelf],
    *,
    own_disk: bool = False,
    program: Sequence[str] = ("-m", "sidecar"),
    **settings: str,
) -> AsyncIterator[Stage]:
    """Start everything; end it afterwards. `own_disk`: the sidecar's data have a small disk to themselves."""
    async with contextlib.AsyncExitStack() as stack:
        shelf = await stack.enter_async_context(make_shelf(folder / "store"))
        port = shelf.port()
        to_store = None if port is None else await stack.enter_async_context(Proxy(port))
        disk = stack.enter_context(SmallDisk(folder / "disk", DISK_MIB)) if own_disk else None
        data = (disk.folder if disk else folder) / "sidecar"
        given = {**HASTE, **shelf.settings(to_store), **settings, "DATA": str(data)}
        rig = await stack.enter_async_context(running_rig(folder, clickhouse, program=program, **given))
        oracle = PictureOracle(rig.dsn, data / "images")
        stage = Stage(rig, shelf, to_store, oracle, data / "images")
        stage.disk = disk
        yield stage
