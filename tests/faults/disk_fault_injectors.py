"""Disks that fill up: what was acknowledged stays, senders are told to come again, and all goes on once there is room."""

import asyncio
import random

from tests.faults.cluster import Rig
from tests.faults.fault_injectors import Size, Strike, asked, eventually
from tests.faults.oracle import verified

LEFT = 20  # bytes an event, at most, stay free: the disk fills up somewhere in the middle of a write


async def clickhouse_disk_full(rig: Rig, chance: random.Random, size: Size) -> None:
    """Fill ClickHouse's disk: senders get 503, and the sidecar says that it is not ready, and why."""
    assert rig.disk is not None
    assert rig.sender is not None
    refused = len(rig.sender.refusals)
    rig.disk.fill(chance.randrange(LEFT * size.events))

    async def not_ready() -> bool:
        status, text = await asked(rig, "/readyz")
        return status == 503 and "space" in text

    await eventually(not_ready, "the sidecar is not ready, for want of space")
    await asyncio.sleep(size.lasts_s / 4)
    rig.disk.make_room()
    away = rig.sender.refusals[refused:]
    assert away, "nobody was sent away"
    assert all(status == 503 and after for status, after in away), f"sent away with {away}"


def queue_disk_full(*, killed: bool) -> Strike:
    """Fill the disk of the collector's queue while the sidecar is away, kill the collector or not, and mend the link."""

    async def strike(rig: Rig, chance: random.Random, size: Size) -> None:
        assert rig.disk is not None
        assert rig.sender is not None
        assert rig.collector is not None
        rig.to_sidecar.down = True
        rig.to_sidecar.drop_connections()
        sender, refused = rig.sender, len(rig.sender.refusals)
        rig.disk.fill(chance.randrange(LEFT * size.events))
        await verified(lambda: len(sender.refusals) > refused, "a sender that the collector sends away")
        if killed:
            await asyncio.to_thread(rig.collector.kill)
            await asyncio.to_thread(rig.collector.start)
        rig.to_sidecar.down = False  # what the queue holds is delivered from the full disk
        await asyncio.sleep(size.lasts_s / 4)
        rig.disk.make_room()
        away = {status for status, _ in sender.refusals[refused:]}
        assert away == {503}, f"sent away with {away}"

    return strike
