"""One run: load, faults at the shares, quiet again, verdict."""

import asyncio
import itertools
import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.cluster import Cluster, running_cluster
from tests.faults.fault_injectors import Size
from tests.faults.load import Load, Parcel, make_load
from tests.faults.oracle import Verdict
from tests.faults.sender import Sender
from tests.faults.table import Fault
from tests.support.embedded import EmbeddedClickHouse


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed. Times are in seconds."""

    row: int
    name: str
    seed: int
    events: int
    verdict: Verdict
    dropped: tuple[int, ...]  # statuses that made the sender give a request up
    raw_extra: int  # rows that lie there twice; a lower bound, as merges take them away, too
    longest_wait_s: float  # for an acknowledgement, retries included
    quiet_after_s: float  # from the last acknowledgement until rows, figures and images were final

    @property
    def passed(self) -> bool:
        return self.verdict.clean and not self.dropped

    def __str__(self) -> str:
        dropped = f"; given up with {self.dropped}" if self.dropped else ""
        return f"{self.row}: {self.name}, seed {self.seed}: {self.verdict}{dropped}"


async def run(fault: Fault, seed: int, size: Size, folder: Path, clickhouse: EmbeddedClickHouse) -> Outcome:
    """Send a load, inject the fault, wait for quiet, judge. Raises Unverified when quiet does not come."""
    load = await asyncio.to_thread(make_load, seed, size.events, size.parcel, fault.mix)
    collector = None if fault.collector is None else dict(fault.collector)
    async with running_cluster(
        folder,
        clickhouse,
        own_clickhouse=fault.own_clickhouse,
        collector=collector,
        on_disk=fault.on_disk,
        settings=fault.sidecar,
    ) as cluster:
        outcome = await injected(cluster, fault, seed, size, load)
        if fault.afterwards is not None:
            await fault.afterwards(cluster, load, folder)
        return outcome


async def injected(
    cluster: Cluster,
    fault: Fault,
    seed: int,
    size: Size,
    load: Load,
    *,
    hasty: bool = False,
    final: bool = True,
    patience_s: float = 60.0,
) -> Outcome:
    """The run on a cluster that is up. `hasty`, `final=False` and less patience are for negative controls."""
    chance = random.Random(seed)
    async with Sender(cluster.url, hasty=hasty) as sender:
        cluster.sender = sender
        first, *others = slices(load.parcels, size.shares)
        sender.feed(first)
        for parcels in others:
            await sender.half_through()
            injecting = asyncio.create_task(fault.inject(cluster, chance, size))
            await asyncio.sleep(0)  # the injector is ready before more is sent
            sender.feed(parcels)
            await injecting
        await sender.finished()
        done = time.monotonic()
        await cluster.oracle.settled(load, within_s=patience_s)
        quiet_after = time.monotonic() - done
        verdict = await cluster.oracle.judge(sender.acknowledged, load, final=final)
        raw_extra = await cluster.oracle.raw_rows() - len(load.expected)
        return Outcome(
            fault.row, fault.name, seed, size.events, verdict, tuple(sender.dropped), raw_extra,
            sender.longest_wait_s, quiet_after,
        )  # fmt: skip


def slices(parcels: list[Parcel], shares: tuple[float, ...]) -> list[list[Parcel]]:
    """Cut the parcels at the shares; a fault falls on each cut, with something left to send after it."""
    cuts = [0, *(max(1, min(len(parcels) - 1, round(share * len(parcels)))) for share in shares), len(parcels)]
    return [parcels[left:right] for left, right in itertools.pairwise(cuts)]
