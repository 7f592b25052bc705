"""Disks that fill up: what was acknowledged stays, senders get a Retry-After, and all goes on once there is room."""

import asyncio
import random

from tests.faults.cluster import Cluster
from tests.faults.fault_injectors import Injector, Size, asked, eventually
from tests.faults.oracle import verified

LEFT = 20  # bytes an event, at most, stay free: the disk fills up somewhere in the middle of a write


async def clickhouse_disk_full(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Fill ClickHouse's disk: senders get 503, and the sidecar says that it is not ready, and why."""
    assert cluster.disk is not None
    assert cluster.sender is not None
    refused = len(cluster.sender.refusals)
    cluster.disk.fill(chance.randrange(LEFT * size.events))

    async def not_ready() -> bool:
        status, text = await asked(cluster, "/readyz")
        return status == 503 and "space" in text

    await eventually(not_ready, "the sidecar is not ready, for want of space")
    await asyncio.sleep(size.lasts_s / 4)
    cluster.disk.make_room()
    away = cluster.sender.refusals[refused:]
    assert away, "nobody was sent away"
    assert all(status == 503 and after for status, after in away), f"sent away with {away}"


def queue_disk_full(*, killed: bool) -> Injector:
    """Fill the disk of the collector's queue while the sidecar is away, kill the collector or not, and mend the link."""

    async def inject(cluster: Cluster, chance: random.Random, size: Size) -> None:
        assert cluster.disk is not None
        assert cluster.sender is not None
        assert cluster.collector is not None
        cluster.to_sidecar.down = True
        cluster.to_sidecar.drop_connections()
        sender, refused = cluster.sender, len(cluster.sender.refusals)
        cluster.disk.fill(chance.randrange(LEFT * size.events))
        await verified(lambda: len(sender.refusals) > refused, "a sender that the collector sends away")
        if killed:
            await asyncio.to_thread(cluster.collector.kill)
            await asyncio.to_thread(cluster.collector.start)
        cluster.to_sidecar.down = False  # what the queue holds is delivered from the full disk
        await asyncio.sleep(size.lasts_s / 4)
        cluster.disk.make_room()
        away = {status for status, _ in sender.refusals[refused:]}
        assert away == {503}, f"sent away with {away}"

    return inject
