"""One run of a row on pictures: load, faults at the shares, recovery after each, quiet again, verdict."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.faults.fault_injectors import FLAT, MIB, Size
from tests.faults.image_cluster import Stage, running_stage
from tests.faults.image_load import ImageLoad, make_image_load
from tests.faults.image_oracle import Kept
from tests.faults.image_sources import running_sources
from tests.faults.image_table import ImageFault
from tests.faults.oracle import Verdict
from tests.faults.runs import slices
from tests.faults.sender import Sender
from tests.support.embedded import EmbeddedClickHouse


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """What a run showed. Times are in seconds."""

    row: int
    name: str
    seed: int
    events: int
    jobs: int
    verdict: Verdict
    kept: Kept
    dropped: tuple[int, ...]
    spooled: list[str]  # bytes that lie in the spool after a clean end
    ended_with: int
    grown: int  # bytes by which the sidecar's memory grew
    longest_wait_s: float  # for an acknowledgement, repetitions included
    worst_recovery_s: float  # from a kill, or the end of a fault, to the next image that ends
    quiet_after_s: float  # from the last acknowledgement until every image has ended and pages know

    @property
    def passed(self) -> bool:
        clean = self.verdict.clean and self.kept.clean and not self.dropped and not self.spooled
        return clean and self.ended_with == 0 and self.grown < FLAT

    def __str__(self) -> str:
        return (
            f"{self.row}: {self.name}, seed {self.seed}: {self.verdict}; {self.kept}; drafts {self.kept.drafts}; "
            f"given up with {self.dropped}; spooled {self.spooled[:4]}; exit code {self.ended_with}; "
            f"grown by {self.grown / MIB:.0f} MiB"
        )


async def run_images(
    fault: ImageFault,
    seed: int,
    size: Size,
    folder: Path,
    clickhouse: EmbeddedClickHouse,
    *,
    program: Sequence[str] = ("-m", "sidecar"),
    patience_s: float = 90.0,
) -> ImageOutcome:
    """Send a load, inject the fault, wait for quiet, judge. Raises Unverified when a fault or a recovery does not come."""
    async with running_sources(fault.sources, seed, size.events) as sources:
        load = await asyncio.to_thread(make_image_load, seed, size.events, size.parcel, sources.good, sources.bad)
        settings = {**sources.settings, **fault.settings}
        async with running_stage(
            folder, clickhouse, fault.store, own_disk=fault.own_disk, program=program, **settings
        ) as stage:
            return await _struck(stage, fault, seed, size, load, patience_s)


async def _struck(
    stage: Stage, fault: ImageFault, seed: int, size: Size, load: ImageLoad, patience_s: float
) -> ImageOutcome:
    cluster, chance = stage.cluster, random.Random(seed)
    memory = cluster.sidecar_memory()
    async with Sender(cluster.url) as sender:
        cluster.sender = sender
        first, *others = slices(load.parcels, size.shares)
        sender.feed(first)
        for parcels in others:
            await sender.half_through()
            injecting = asyncio.create_task(fault.inject(stage, chance, size))
            await asyncio.sleep(0)  # the injector is ready before more is sent
            sender.feed(parcels)
            await injecting
            await stage.recovered()
        await sender.finished()
        done = time.monotonic()
        await stage.oracle.settled(load, within_s=patience_s)
        quiet_after = time.monotonic() - done
        grown = cluster.sidecar_memory() - memory
        assert psutil.Process(cluster.sidecar.pid).is_running()
        verdict = await stage.oracle.judge(sender.acknowledged, load)
        held = await asyncio.to_thread(stage.store.held)
        kept = await asyncio.to_thread(stage.oracle.kept, load, held)
        if kept.drafts and not fault.drafts:
            kept.orphans.extend(f"draft {key}" for key, digest in held.items() if not digest)
        code = await asyncio.to_thread(cluster.sidecar.end)
        return ImageOutcome(
            fault.row, fault.name, seed, size.events, len(load.endings), verdict, kept, tuple(sender.dropped),
            stage.oracle.spooled(), code, grown, sender.longest_wait_s, max(stage.recoveries), quiet_after,
        )  # fmt: skip
