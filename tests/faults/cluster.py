"""The real parts as processes, tied together through proxies: sender, (collector,) sidecar, embedded ClickHouse.

sender ── to_sidecar ── sidecar ── to_clickhouse ── ClickHouse
sender ── collector ── to_sidecar ── sidecar ── to_clickhouse ── ClickHouse
"""

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import psutil

from tests.faults.disk import SmallDisk
from tests.faults.oracle import Oracle, verified
from tests.faults.proxy import Interceptor, Moment, Proxy
from tests.faults.sender import Sender
from tests.support.collector_process import Collector
from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.receivers import SidecarProcess, quiet_port

# what only the insert of a batch carries, and what only a batch for the sidecar carries
INSERT = b"insert_deduplication_token="
BATCH = b"POST /v1/logs"
# room for a full run, and the part that has it to itself; the collector's storage reserves 16 MiB
DISK_MIB = {"clickhouse": 128, "collector": 32}
OnDisk = Literal["clickhouse", "collector"]


class Cluster:
    """What faults are injected into. Started processes have fixed ports, so that they can come back where they were."""

    def __init__(
        self, folder: Path, clickhouse: EmbeddedClickHouse, dsn: str, program: Sequence[str], **settings: str
    ) -> None:
        port = urlsplit(dsn).port
        assert port is not None
        self.clickhouse = clickhouse
        self.readonly_dsn = clickhouse.dsn(urlsplit(dsn).path.strip("/"), readonly=True)
        self.sidecar_port = quiet_port()
        self.to_clickhouse, self.to_sidecar = Proxy(port), Proxy(self.sidecar_port)
        self.collector: Collector | None = None
        self.disk: SmallDisk | None = None  # of the part that has one to itself
        self.oracle = Oracle(dsn)
        self.sender: Sender | None = None
        self.sidecar_ends: list[int] = []  # exit codes after SIGTERM
        self.dsn = dsn
        self._folder = folder
        self._program = program
        self._settings = settings
        self._sidecar: SidecarProcess | None = None

    @property
    def url(self) -> str:
        """Where to send."""
        return self.collector.http if self.collector else self.to_sidecar.url

    @property
    def sidecar(self) -> SidecarProcess:
        assert self._sidecar is not None
        return self._sidecar

    def sidecar_memory(self) -> int:
        """Resident bytes of the sidecar."""
        return int(psutil.Process(self.sidecar.pid).memory_info().rss)

    def pending_images(self) -> int:
        """Images of the sidecar's journal whose job has not ended."""
        path = self._folder / "sidecar" / "images" / "journal.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as journal:
            (jobs,) = journal.execute("SELECT jobs FROM totals").fetchone()
        return int(jobs)

    async def start_sidecar(self, *, wait: bool = True) -> None:
        """Start it, and wait until it takes batches."""
        parts = urlsplit(self.dsn)
        password = f"{parts.username}:{parts.password}"
        settings = {
            "PORT": str(self.sidecar_port),
            "DATA": str(self._folder / "sidecar"),
            "IMAGES_DIRECTORY": str(self._folder / "images"),
            "CLICKHOUSE_URL": f"http://{password}@127.0.0.1:{self.to_clickhouse.port}{parts.path}",
            **self._settings,
        }
        self._sidecar = SidecarProcess(program=self._program, **settings)
        if wait:
            await self._sidecar.ready()

    async def end_sidecar(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal it and wait for its end."""
        sidecar, self._sidecar = self._sidecar, None
        if sidecar is not None:
            code = await asyncio.to_thread(sidecar.end, number)
            if number == signal.SIGTERM:
                self.sidecar_ends.append(code)

    async def bounce_sidecar(self) -> None:
        """Kill it as a crash would; a supervisor starts it again."""
        await self.end_sidecar()
        await self.start_sidecar()

    async def caught(self, proxy: Proxy, marker: bytes, moment: Moment) -> Interceptor:
        """Wait until an exchange was caught at a moment."""
        interceptor = proxy.intercept(marker, moment)
        await verified(interceptor.reached.is_set, f"an exchange to interrupt at its {moment}")
        return interceptor

    def freeze_clickhouse(self) -> None:
        """Take all processor time from it."""
        os.kill(self.clickhouse.pid, signal.SIGSTOP)

    def thaw_clickhouse(self) -> None:
        """Give it back."""
        os.kill(self.clickhouse.pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def running_cluster(
    folder: Path,
    shared: EmbeddedClickHouse,
    *,
    own_clickhouse: bool = False,
    collector: dict[str, str] | None = None,
    overlays: Sequence[Path] = (),
    on_disk: OnDisk | None = None,
    program: Sequence[str] = ("-m", "sidecar"),
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Cluster]:
    """Start everything; end it afterwards. `settings` are the sidecar's.

    `collector`: its settings; None leaves it out. `overlays`: more configuration files for it. `on_disk`: the part that
    gets a small disk of its own. `program`: what is run as the sidecar.
    """
    async with contextlib.AsyncExitStack() as stack:
        disk = stack.enter_context(SmallDisk(folder / "disk", DISK_MIB[on_disk])) if on_disk else None
        if own_clickhouse:
            home = disk.folder if disk and on_disk == "clickhouse" else folder
            clickhouse = EmbeddedClickHouse(home, port=quiet_port())
            stack.push_async_callback(asyncio.to_thread, clickhouse.kill)
            await asyncio.to_thread(clickhouse.start)
            dsn = clickhouse.url
        else:
            clickhouse = shared
            dsn = shared.dsn(stack.enter_context(migrated_database(shared)))
        cluster = Cluster(folder, clickhouse, dsn, program, **settings)
        cluster.disk = disk
        await stack.enter_async_context(cluster.to_clickhouse)
        await stack.enter_async_context(cluster.to_sidecar)
        stack.push_async_callback(cluster.end_sidecar)
        await cluster.start_sidecar()
        if collector is not None:
            home = disk.folder if disk and on_disk == "collector" else folder
            cluster.collector = Collector(home, cluster.to_sidecar.url, *overlays, **collector)
            cluster.collector.log = folder / "collector.log"
            await asyncio.to_thread(stack.enter_context, cluster.collector)
        yield cluster
