"""Faults of a running cluster. An injector returns when its fault is over: dead processes run again, cut links work again."""

import asyncio
import gzip
import io
import random
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

import aiohttp

from tests.faults.cluster import BATCH, INSERT, Cluster
from tests.faults.oracle import Unverified, verified
from tests.faults.proxy import Moment, Proxy, refusal
from tests.faults.sender import HEADERS

MIB = 1 << 20
TOLD_S = 3  # neither a multiple of anybody's own first pause nor far from it
SIDECAR_TELLS_S = 2  # the sidecar's own Retry-After for a ClickHouse that refuses
FLAT = 64 * MIB  # a few batches in both forms, and what the allocator keeps
ENDS_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a run: `shares` of the events are acknowledged when a fault is injected."""

    events: int
    parcel: int
    shares: tuple[float, ...]
    lasts_s: float


Injector = Callable[[Cluster, random.Random, Size], Coroutine[object, object, None]]


async def asked(cluster: Cluster, path: str) -> tuple[int, str]:
    """Status and text of what the sidecar answers to a GET, asked without a proxy between."""
    url = f"http://127.0.0.1:{cluster.sidecar_port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, within_s: float = 30.0) -> None:
    """Ask until the answer is yes. Raises Unverified when it is not in time."""
    deadline = time.monotonic() + within_s
    while not await condition():
        if time.monotonic() > deadline:
            raise Unverified(f"not within {within_s:g} s: {what}")
        await asyncio.sleep(0.05)


def _hop(cluster: Cluster, hop: str) -> tuple[Proxy, bytes]:
    return (cluster.to_clickhouse, INSERT) if hop == "clickhouse" else (cluster.to_sidecar, BATCH)


def sidecar_killed_at(moment: Moment) -> Injector:
    """Kill the sidecar at a moment of its insert."""

    async def inject(cluster: Cluster, chance: random.Random, size: Size) -> None:
        interceptor = await cluster.caught(cluster.to_clickhouse, INSERT, moment)
        await cluster.end_sidecar()
        interceptor.cut()
        await cluster.start_sidecar()

    return inject


async def sidecar_killed_beside_a_stranger(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Kill the sidecar after an insert, while an optional plugin misbehaves with a batch in its hands."""
    sidecar = cluster.sidecar
    await verified(lambda: "misbehaving has begun" in sidecar.text, "the plugin has got a batch")
    await sidecar_killed_at("reply")(cluster, chance, size)


async def sidecar_killed_before_its_jobs(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Kill the sidecar once an acknowledgement has left it and while images of it are still to be archived."""
    assert cluster.sender is not None
    sender, pending = cluster.sender, 0
    while not pending:
        before = len(sender.acknowledged)
        await verified(lambda before=before: len(sender.acknowledged) > before, "an acknowledgement")  # type: ignore[misc]
        await cluster.end_sidecar()
        pending = await asyncio.to_thread(cluster.pending_images)
        await cluster.start_sidecar()


async def sidecar_killed_at_random(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Kill it at no particular moment."""
    await asyncio.sleep(chance.uniform(0, 0.15))
    await cluster.bounce_sidecar()


async def collector_killed_full(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Kill the collector while its queue is so full that senders have to wait."""
    assert cluster.collector is not None
    assert cluster.sender is not None
    cluster.to_sidecar.down = True
    cluster.to_sidecar.drop_connections()
    sender, quiet_since, seen = cluster.sender, time.monotonic(), -1
    while time.monotonic() - quiet_since < 1.0:
        if len(sender.acknowledged) != seen:
            quiet_since, seen = time.monotonic(), len(sender.acknowledged)
        await asyncio.sleep(0.02)  # until nothing was acknowledged for a second
    assert sender.waiting, "the queue did not fill up: there were too few events"
    await asyncio.to_thread(cluster.collector.kill)
    await asyncio.to_thread(cluster.collector.start)
    cluster.to_sidecar.down = False


async def clickhouse_killed_mid_insert(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Kill ClickHouse with half of an insert in its hands."""
    interceptor = await cluster.caught(cluster.to_clickhouse, INSERT, "half")
    await asyncio.to_thread(cluster.clickhouse.kill)
    interceptor.cut()
    await asyncio.to_thread(cluster.clickhouse.start)


async def clickhouse_killed_while_it_writes(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Kill ClickHouse some milliseconds after it has got a whole insert: somewhere among its tables and views."""
    interceptor = cluster.to_clickhouse.intercept(INSERT, "reply")
    await verified(interceptor.caught.is_set, "an insert")
    await asyncio.sleep(chance.uniform(0, 0.03))
    await asyncio.to_thread(cluster.clickhouse.kill)
    interceptor.cut()
    await asyncio.to_thread(cluster.clickhouse.start)


async def clickhouse_frozen(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Stop ClickHouse for longer than an insert may take; the sidecar's memory stays flat."""
    before = cluster.sidecar_memory()
    cluster.freeze_clickhouse()
    try:
        await asyncio.sleep(size.lasts_s)
        grown = cluster.sidecar_memory() - before
    finally:
        cluster.thaw_clickhouse()
    assert grown < FLAT, f"the sidecar grew by {grown / MIB:.0f} MiB"


async def sink_is_slow(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """A line of 1 kB/s to ClickHouse: senders are sent away, and the sidecar's memory stays flat."""
    assert cluster.sender is not None
    before, refused = cluster.sidecar_memory(), len(cluster.sender.refusals)
    cluster.to_clickhouse.bytes_per_s = 1000.0
    await asyncio.sleep(size.lasts_s)
    grown = cluster.sidecar_memory() - before
    cluster.to_clickhouse.bytes_per_s = None
    assert grown < FLAT, f"the sidecar grew by {grown / MIB:.0f} MiB"
    away = cluster.sender.refusals[refused:]
    assert away, "nobody was sent away"
    assert all(after for _, after in away), "a refusal without Retry-After"


async def sigterm_to_everything(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """End all parts at once while events stream in, and start them again."""
    assert cluster.collector is not None
    ends = len(cluster.sidecar_ends)
    async with asyncio.timeout(ENDS_WITHIN_S + 5):
        _, _, clickhouse = await asyncio.gather(
            asyncio.to_thread(cluster.collector.stop, ENDS_WITHIN_S),
            cluster.end_sidecar(signal.SIGTERM),
            asyncio.to_thread(cluster.clickhouse.stop, ENDS_WITHIN_S),
        )
    assert (cluster.sidecar_ends[ends:], clickhouse) == ([0], 0)
    await asyncio.to_thread(cluster.clickhouse.start)
    await cluster.start_sidecar()
    await asyncio.to_thread(cluster.collector.start)


def sent_away(hop: str, status: int) -> Injector:
    """Answer everything on a hop with "come again in so many seconds" until someone does: nobody may come sooner."""
    retry_after_s = SIDECAR_TELLS_S if hop == "clickhouse" else TOLD_S

    async def inject(cluster: Cluster, chance: random.Random, size: Size) -> None:
        assert cluster.sender is not None
        proxy, marker = _hop(cluster, hop)
        refused = len(cluster.sender.refusals)
        proxy.turn_away(refusal(status, TOLD_S))
        try:
            await verified(lambda: proxy.returns(marker), "one that was sent away comes again")
        finally:
            proxy.answer = None
        assert min(proxy.returns(marker)) > retry_after_s - 0.05, (
            f"back after {min(proxy.returns(marker)):.2f} s, not {retry_after_s} s"
        )
        if cluster.collector is None:
            away = cluster.sender.refusals[refused:]
            assert away
            # the sidecar spreads its waits by half, and seconds are whole
            assert all(after and retry_after_s <= after <= 1.5 * retry_after_s + 1 for _, after in away), (
                f"Retry-After was {away}"
            )

    return inject


def reply_lost(hop: str) -> Injector:
    """Let a request through and lose the reply."""

    async def inject(cluster: Cluster, chance: random.Random, size: Size) -> None:
        (await cluster.caught(*_hop(cluster, hop), "reply")).cut()

    return inject


async def reply_lost_amid_poison(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """Lose a reply; when nothing but poison comes in, an alarm says so."""
    await reply_lost("sidecar")(cluster, chance, size)

    async def raised() -> bool:
        _, state = await asked(cluster, "/readyz")
        _, metrics = await asked(cluster, "/metrics")
        return "could not be stored" in state and "\nchattrail_sidecar_poison_alarm 1\n" in metrics

    await eventually(raised, "the alarm is raised")


def link_cut(hop: str) -> Injector:
    """Cut every connection of a hop, and let none through for a while."""

    async def inject(cluster: Cluster, chance: random.Random, size: Size) -> None:
        proxy, _ = _hop(cluster, hop)
        proxy.down = True
        proxy.drop_connections()
        await asyncio.sleep(size.lasts_s)
        proxy.down = False

    return inject


async def bombs(cluster: Cluster, chance: random.Random, size: Size) -> None:
    """64 MiB of zeros in 65 kB, and a body over the cap: refused for good, and the sidecar's memory stays flat."""
    bomb = await asyncio.to_thread(gzip.compress, bytes(64 * MIB))
    before = cluster.sidecar_memory()
    async with aiohttp.ClientSession() as session:
        for body, headers in [(bomb, {**HEADERS, "Content-Encoding": "gzip"})] * 10 + [(bytes(17 * MIB), HEADERS)]:
            try:
                sent = session.post(f"{cluster.to_sidecar.url}/v1/logs", data=io.BytesIO(body), headers=headers)
                async with sent as answer:
                    assert answer.status == 413
            except aiohttp.ClientConnectionError:  # it was refused before it had been sent to its end
                assert len(body) > 16 * MIB
    grown = cluster.sidecar_memory() - before
    assert grown < FLAT, f"the sidecar grew by {grown / MIB:.0f} MiB"
