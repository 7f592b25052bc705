"""The two soaks: a ClickHouse that is slow all the time, and faults at random times behind a collector."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults import fault_injectors
from tests.faults.cluster import Cluster, running_cluster
from tests.faults.load import Mix
from tests.faults.oracle import Verdict, verified
from tests.faults.sender import Sender
from tests.faults.soak_fault_injectors import KINDS, Kind, caught_up, injected
from tests.faults.soak_growth import Growth
from tests.faults.soak_load import Supply
from tests.faults.soak_oracle import SoakOracle
from tests.faults.soak_watch import Watch
from tests.support.embedded import EmbeddedClickHouse

SAMPLE_EVERY_S = 3.0
QUIET_WITHIN_S = 900.0
WARM_UP = 0.15
# slower than the insert's limit for a parcel of 20 (5 kB) at the lower end, a second or less at the upper
LINE_B_PER_S = (500.0, 8000.0)
IMPATIENT_S = "5"
PARCELS_WAITING = 8
EVENTS_PER_S, PARCEL = 30, 10
MEAN_PAUSE_S = 12.0
LONG_CUT = Kind("link from collector to sidecar cut for long", fault_injectors.link_cut("sidecar"))
LONG_CUT_SHARE = 0.1  # of a shorter soak
LONG_CUT_S = 310.0  # beyond the 300 s after which the collector would give up if it had its usual settings


@dataclass(frozen=True, slots=True)
class Result:
    """What a soak showed."""

    name: str
    minutes: float
    events: int  # sent and answered
    poison: int
    verdict: Verdict
    dropped: tuple[int, ...]
    sent_away: int
    longest_wait_s: float
    quiet_after_s: float
    again: int  # dead letters that lie there twice
    memory: dict[str, Growth]
    handles: dict[str, Growth]
    faults: dict[str, int]
    missed: int  # faults that found nothing to interrupt
    long_cut_s: float
    worst_recovery: tuple[float, str]

    def complaints(self) -> list[str]:
        """Everything that keeps it from being a pass."""
        growths = [*self.memory.items(), *self.handles.items()]
        found = [f"{part}: {growth.complaint}" for part, growth in growths if growth.complaint]
        found += [str(self.verdict)] * (not self.verdict.clean)
        found += [f"requests given up with {self.dropped[:5]}"] * bool(self.dropped)
        if self.missed * 10 > sum(self.faults.values()):
            found.append(f"{self.missed} faults found nothing to interrupt: too little traffic for a soak")
        return [f"{self.name}: {one}" for one in found]


class Soak:
    """One soak while it runs; `str` describes its progress."""

    def __init__(self, name: str, seed: int, minutes: float, supply: Supply) -> None:
        self.name = name
        self.chance = random.Random(seed)
        self.supply = supply
        self.lasts_s = minutes * 60
        self.judged_from_s = self.lasts_s * WARM_UP
        self.line = LINE_B_PER_S
        self.faults: Counter[str] = Counter()
        self.missed = 0
        self.long_cut_s = 0.0
        self.over = False
        self.worst_recovery = (0.0, "")
        self.watches: dict[str, Watch] = {}
        self._began = time.monotonic()
        self._sender: Sender | None = None

    @property
    def passed_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def left_s(self) -> float:
        return max(0.0, self.lasts_s - self.passed_s)

    @property
    def sender(self) -> Sender:
        assert self._sender is not None
        return self._sender

    @contextlib.asynccontextmanager
    async def on(self, cluster: Cluster) -> AsyncIterator[None]:
        """Begin: the clock runs, a sender is there, the processes are watched."""
        self.watches["sidecar"] = Watch(lambda: cluster.sidecar.pid)
        if (collector := cluster.collector) is not None:
            self.watches["collector"] = Watch(lambda: collector.pid)
        async with Sender(cluster.url) as sender:
            self._sender = cluster.sender = sender
            self._began = time.monotonic()
            yield

    async def watch(self) -> None:
        """Take samples until the time is over."""
        while not self.over:
            for watch in self.watches.values():
                watch.look()
            await asyncio.sleep(SAMPLE_EVERY_S)

    async def inject(self, cluster: Cluster) -> None:
        """Inject one of the faults that are due now, at times while the last one is still being recovered from."""
        kinds = [one for one in KINDS if self.passed_s < one.until * self.lasts_s]
        (kind,) = self.chance.choices(kinds, [1 / one.until for one in kinds])
        if await self.injected(cluster, kind, self.chance.uniform(2, 20)) is not None and self.chance.random() < 0.75:
            await self.recovered(cluster, kind)
        await asyncio.sleep(min(self.chance.expovariate(1 / MEAN_PAUSE_S), self.left_s))

    async def injected(self, cluster: Cluster, kind: Kind, lasts_s: float) -> float | None:
        """Inject a fault and count it; the seconds it took, None when there was nothing to interrupt."""
        took_s = await injected(cluster, kind, self.chance, lasts_s)
        if took_s is None:
            self.missed += 1
        else:
            self.faults[kind.name] += 1
        return took_s

    async def recovered(self, cluster: Cluster, kind: Kind) -> None:
        """Wait until all is stored that is acknowledged now."""
        self.worst_recovery = max(self.worst_recovery, (await caught_up(cluster), kind.name))

    async def judged(self, cluster: Cluster) -> Result:
        """Wait until all is delivered and quiet; then judge."""
        await verified(lambda: not self.sender.waiting, "every parcel is acknowledged", QUIET_WITHIN_S)
        done, load = time.monotonic(), self.supply.load
        await cluster.oracle.settled(load, QUIET_WITHIN_S)
        oracle = SoakOracle(cluster.clickhouse.url)
        quiet_after = time.monotonic() - done
        since = self._began + self.judged_from_s
        return Result(
            name=self.name,
            minutes=self.lasts_s / 60,
            events=self.supply.made,
            poison=load.poison,
            verdict=await oracle.judge(self.sender.acknowledged, load),
            dropped=tuple(self.sender.dropped),
            sent_away=len(self.sender.refusals),
            longest_wait_s=self.sender.longest_wait_s,
            quiet_after_s=quiet_after,
            again=await oracle.dead_letters_again(),
            memory={"sidecar": self.watches["sidecar"].memory(since)},
            handles={part: watch.handles(since) for part, watch in self.watches.items()},
            faults=dict(self.faults),
            missed=self.missed,
            long_cut_s=self.long_cut_s,
            worst_recovery=self.worst_recovery,
        )

    def __str__(self) -> str:
        if self._sender is None:
            return f"{self.name}: starting"
        parts = [f"{self.supply.made} made, {len(self.sender.acknowledged)} acknowledged"]
        parts += [f"{sum(self.faults.values())} faults"] if self.faults else []
        parts += [f"sent away {len(self.sender.refusals)} times"] if self.sender.refusals else []
        return f"{self.name}: " + "; ".join([*parts, *(f"{part} {watch}" for part, watch in self.watches.items())])


def slow_clickhouse(seed: int, minutes: float, *, scale: int = 1) -> Soak:
    """For `run_slow_clickhouse`. `scale` enlarges requests and line alike: as slow, with more events in the same time."""
    soak = Soak("slow ClickHouse", seed, minutes, Supply(seed, 20 * scale, Mix()))
    soak.line = (LINE_B_PER_S[0] * scale, LINE_B_PER_S[1] * scale)
    return soak


async def run_slow_clickhouse(soak: Soak, folder: Path, **sidecar: str) -> Result:
    """The line to ClickHouse takes as much as it can, and that is little: the sender sends on as fast as it is let."""
    settings = {"CLICKHOUSE_INSERT_TIMEOUT_S": IMPATIENT_S, **sidecar}
    unused = EmbeddedClickHouse(folder)
    async with (
        running_cluster(folder, unused, own_clickhouse=True, collector=None, settings=settings) as cluster,
        soak.on(cluster),
    ):

        async def feed() -> None:
            while not soak.over:
                if soak.sender.waiting < PARCELS_WAITING:
                    soak.sender.feed(await soak.supply.some(PARCELS_WAITING))
                await asyncio.sleep(0.1)

        async def vary() -> None:
            slowest, fastest = soak.line
            while soak.left_s:
                cluster.to_clickhouse.bytes_per_s = slowest * (fastest / slowest) ** soak.chance.random()
                await asyncio.sleep(min(soak.chance.uniform(10, 40), soak.left_s))
            soak.over = True

        async with asyncio.TaskGroup() as together:
            for work in (soak.watch(), feed(), vary()):
                together.create_task(work)
        cluster.to_clickhouse.bytes_per_s = None
        return await soak.judged(cluster)


def random_faults(seed: int, minutes: float) -> Soak:
    """For `run_random_faults`."""
    soak = Soak("random faults", seed, minutes, Supply(seed, PARCEL, Mix(poison=0.005)))
    # judged once the sidecar lives for good and has taken in what piled up during the long cut
    soak.judged_from_s = soak.lasts_s * 0.3 + min(LONG_CUT_S, soak.lasts_s * LONG_CUT_SHARE)
    return soak


async def run_random_faults(soak: Soak, folder: Path, **sidecar: str) -> Result:
    """Sender, collector, sidecar, ClickHouse; faults hit one after another, once for longer than 300 s."""
    unused, long_cut_s = EmbeddedClickHouse(folder), min(LONG_CUT_S, soak.lasts_s * LONG_CUT_SHARE)
    async with (
        running_cluster(folder, unused, own_clickhouse=True, collector={}, settings=sidecar) as cluster,
        soak.on(cluster),
    ):

        async def feed() -> None:
            while not soak.over:  # a fault needs traffic until its end
                due = soak.passed_s * EVENTS_PER_S - soak.supply.made
                if due >= PARCEL:
                    soak.sender.feed(await soak.supply.some(int(due // PARCEL)))
                await asyncio.sleep(0.3)

        async def inject() -> None:
            while soak.passed_s < soak.lasts_s / 4:
                await soak.inject(cluster)
            soak.long_cut_s = await soak.injected(cluster, LONG_CUT, long_cut_s) or 0.0
            await soak.recovered(cluster, LONG_CUT)
            while soak.left_s:
                await soak.inject(cluster)
            soak.over = True

        async with asyncio.TaskGroup() as together:
            for work in (soak.watch(), feed(), inject()):
                together.create_task(work)
        return await soak.judged(cluster)
