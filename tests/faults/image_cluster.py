"""The cluster of the rows on images: the parts of every row, and a store behind a proxy of its own.

sender ── sidecar ── ClickHouse
             └────── to_store ── Cloudflare's double, S3, or a folder
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from tests.faults.cluster import Cluster, running_cluster
from tests.faults.disk import SmallDisk
from tests.faults.image_oracle import ImageOracle
from tests.faults.image_stores import Cloudflare, ImageStore
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
    """A cluster with images: what injectors use, and how they report that a run may go on."""

    def __init__(
        self, cluster: Cluster, store: ImageStore, to_store: Proxy | None, oracle: ImageOracle, data: Path
    ) -> None:
        self.cluster = cluster
        self.store = store
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
        assert isinstance(self.store, Cloudflare)
        return self.store

    def lifted(self) -> None:
        """From now on images should go on: the fault is over, or the sidecar was killed just now."""
        self._lifted, self._ended = time.monotonic(), self.oracle.ended()

    async def recovered(self) -> None:
        """Wait for the next image that ends after the fault, and note how long that took."""
        await verified(lambda: self.oracle.ended() > self._ended, "an image ends after the fault")
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
        await self.cluster.end_sidecar()
        self.lifted()
        await asyncio.to_thread(meanwhile)
        await self.cluster.start_sidecar()


@contextlib.asynccontextmanager
async def running_stage(
    folder: Path,
    clickhouse: EmbeddedClickHouse,
    make_store: Callable[[Path], ImageStore],
    *,
    own_disk: bool = False,
    program: Sequence[str] = ("-m", "sidecar"),
    **settings: str,
) -> AsyncIterator[Stage]:
    """Start everything; end it afterwards. `own_disk`: the sidecar's data have a small disk to themselves."""
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(make_store(folder / "store"))
        port = store.port()
        to_store = None if port is None else await stack.enter_async_context(Proxy(port))
        disk = stack.enter_context(SmallDisk(folder / "disk", DISK_MIB)) if own_disk else None
        data = (disk.folder if disk else folder) / "sidecar"
        given = {**HASTE, **store.settings(to_store), **settings, "DATA": str(data)}
        cluster = await stack.enter_async_context(running_cluster(folder, clickhouse, program=program, settings=given))
        oracle = ImageOracle(cluster.dsn, data / "images")
        stage = Stage(cluster, store, to_store, oracle, data / "images")
        stage.disk = disk
        yield stage
