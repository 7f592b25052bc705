"""What may happen to a cluster at any moment of a soak, and how long it takes until all is stored that was acknowledged."""

import asyncio
import random
import time
from dataclasses import dataclass

from tests.faults import fault_injectors
from tests.faults.cluster import Cluster
from tests.faults.fault_injectors import Injector, Size
from tests.faults.oracle import Unverified
from tests.faults.soak_oracle import SoakOracle

RECOVERY_WITHIN_S = 900.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault that is injected during the first `until` of the time, and the more often for it."""

    name: str
    inject: Injector
    until: float = 1.0


async def collector_killed(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Kill it at no particular moment."""
    assert cluster.collector is not None
    await asyncio.to_thread(cluster.collector.kill)
    await asyncio.to_thread(cluster.collector.start)


async def slow_line(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """A slow line to ClickHouse for a while."""
    cluster.to_clickhouse.bytes_per_s = chance.uniform(1000, 5000)
    await asyncio.sleep(size.lasts_s)
    cluster.to_clickhouse.bytes_per_s = None


# Sidecar and collector are left alive for the rest of the time, so that a leak of theirs has time to show.
KINDS = (
    Kind("sidecar killed", fault_injectors.sidecar_killed_at_random, until=0.25),
    Kind("collector killed", collector_killed, until=0.5),
    Kind("ClickHouse killed mid-insert", fault_injectors.clickhouse_killed_mid_insert),
    Kind("ClickHouse killed while it writes", fault_injectors.clickhouse_killed_while_it_writes),
    Kind("ClickHouse frozen", fault_injectors.clickhouse_frozen),
    Kind("link from collector to sidecar cut", fault_injectors.link_cut("sidecar")),
    Kind("link from sidecar to ClickHouse cut", fault_injectors.link_cut("clickhouse")),
    Kind("the sidecar's reply lost", fault_injectors.reply_lost("sidecar")),
    Kind("ClickHouse's reply lost", fault_injectors.reply_lost("clickhouse")),
    Kind("503 from the sidecar", fault_injectors.sent_away("sidecar", 503)),
    Kind("503 from ClickHouse", fault_injectors.sent_away("clickhouse", 503)),
    Kind("slow line to ClickHouse", slow_line),
)


async def injected(cluster: Cluster, kind: Kind, chance: random.Random, lasts_s: float) -> float | None:
    """Inject a fault; the seconds it took. None when there was no traffic to interrupt in time."""
    began = time.monotonic()
    try:
        await kind.inject(cluster, chance, Size(events=0, parcel=0, shares=(), lasts_s=lasts_s))
    except Unverified:
        return None
    return time.monotonic() - began


async def caught_up(cluster: Cluster) -> float:
    """Wait until as many events are stored as are acknowledged now; the seconds that took. Raises Unverified."""
    assert cluster.sender is not None
    oracle, wanted, began = SoakOracle(cluster.clickhouse.url), len(cluster.sender.acknowledged), time.monotonic()
    while await oracle.stored() < wanted:
        if time.monotonic() - began > RECOVERY_WITHIN_S:
            raise Unverified(f"not within {RECOVERY_WITHIN_S:g} s: what was acknowledged is stored")
        await asyncio.sleep(0.5)  # another process has no event
    return time.monotonic() - began
