"""Faults of images on their way. An injector reports to the stage that its fault is over, and returns."""

import asyncio
import os
import random
from collections.abc import Callable, Coroutine, Iterator
from itertools import cycle
from typing import Any

from tests.faults.fault_injectors import Size, asked, eventually
from tests.faults.image_cluster import Stage
from tests.faults.oracle import verified
from tests.faults.proxy import Moment, refusal

ImageInjector = Callable[[Stage, random.Random, Size], Coroutine[object, object, None]]

DRAFT = b"/v2/direct_upload"
UPLOAD = b"POST /Vi7wi5KSItxGFsWRG2Us6Q/"
CONFIRM = b"GET /client/v4/accounts/"
PUT = b"PUT /pictures/"
PUBLISH = b"log_comment=chattrail+images"
POINTS: tuple[tuple[bytes, Moment], ...] = (
    (DRAFT, "request"),
    (DRAFT, "reply"),  # the draft is there, and its id nowhere
    (UPLOAD, "request"),  # its id is noted
    (UPLOAD, "half"),
    (UPLOAD, "reply"),  # the bytes are there
    (CONFIRM, "reply"),  # the image is not recorded
    (PUBLISH, "request"),  # recorded, and no page knows of it
    (PUBLISH, "reply"),  # pages know, and the journal not that they do
)
RECORDED = "SELECT 1 FROM jobs WHERE state = 'stored' AND published_at < updated_at"


def killed_at_each_point() -> ImageInjector:
    """Kill the sidecar at the next of the points of an image's way to Cloudflare; each run begins at another."""
    runs: dict[int, Iterator[tuple[bytes, Moment]]] = {}

    async def inject(stage: Stage, chance: random.Random, size: Size) -> None:
        begin = chance.randrange(len(POINTS))
        points = runs.setdefault(id(stage), cycle(POINTS[begin:] + POINTS[:begin]))
        await _killed(stage, next(points))

    return inject


def killed_at(marker: bytes, moment: Moment) -> ImageInjector:
    """Kill the sidecar at one point."""

    async def inject(stage: Stage, chance: random.Random, size: Size) -> None:
        await _killed(stage, (marker, moment))

    return inject


async def _killed(stage: Stage, point: tuple[bytes, Moment]) -> None:
    marker, moment = point
    link = stage.cluster.to_clickhouse if marker == PUBLISH else stage.to_store
    interceptor = link.intercept(marker, moment)
    await verified(interceptor.reached.is_set, f"an exchange with {marker.decode()} to interrupt at its {moment}")
    if marker == PUBLISH:  # what is held may tell of a new image only: that one goes on to its end
        await verified(lambda: stage.oracle.asked(RECORDED), "an image is recorded and not published")
    await stage.kill(interceptor.cut)


async def killed_at_random(stage: Stage, chance: random.Random, size: Size) -> None:
    """Kill the sidecar at no particular moment."""
    await asyncio.sleep(chance.uniform(0, 0.4))
    await stage.kill()


def refused(*faults: dict[str, Any], count: int = 12) -> ImageInjector:
    """Let Cloudflare answer so, to so many requests: kinds are drawn by the seed."""

    async def inject(stage: Stage, chance: random.Random, size: Size) -> None:
        stage.cloudflare.order(*(chance.choice(faults) for _ in range(count)))
        await stage.cloudflare.suffered()
        stage.lifted()

    return inject


async def too_many_requests(stage: Stage, chance: random.Random, size: Size) -> None:
    """Let Cloudflare answer 429 with a Retry-After: nothing more is asked until that is over."""
    before = stage.cloudflare.report()["answers"]
    stage.cloudflare.order({"kind": "error", "route": "direct_upload", "code": 971, "retry_after": 3, "times": 1})
    await stage.cloudflare.suffered()
    await asyncio.sleep(0.5)  # those that were under way
    asked_of = sum(stage.cloudflare.report()["answers"].values())
    await asyncio.sleep(1.5)
    answers = stage.cloudflare.report()["answers"]
    assert sum(answers.values()) == asked_of, f"asked again before its time: {answers}, before {before}"
    stage.lifted()


def bucket_away(chance_of_reply: float = 0.5) -> ImageInjector:
    """Lose the reply to a PUT, or refuse with 503, or cut the bucket off for a while."""

    async def inject(stage: Stage, chance: random.Random, size: Size) -> None:
        proxy = stage.to_store
        if chance.random() < chance_of_reply:
            interceptor = proxy.intercept(PUT, "reply")
            await verified(interceptor.reached.is_set, "a PUT whose reply is lost")
            interceptor.cut()
        elif chance.random() < 0.5:
            proxy.turn_away(refusal(503, 1))
            await asyncio.sleep(size.lasts_s)
            proxy.answer = None
        else:
            proxy.down = True
            proxy.drop_connections()
            await asyncio.sleep(size.lasts_s)
            proxy.down = False
        stage.lifted()

    return inject


async def journal_disk_full(stage: Stage, chance: random.Random, size: Size) -> None:
    """Fill the disk under journal and spool: 503 and not ready, never a false ack; then make room."""
    assert stage.disk is not None
    sender = stage.cluster.sender
    assert sender is not None
    refusals = len(sender.refusals)
    stage.disk.fill(chance.choice([0, 4096, 8192, 65536]))
    await verified(lambda: len(sender.refusals) > refusals, "a sender is sent away")

    async def not_ready() -> bool:
        status, _ = await asked(stage.cluster, "/readyz")
        return status == 503

    await eventually(not_ready, "the sidecar is not ready, for want of space")
    await asyncio.sleep(size.lasts_s)
    away = sender.refusals[refusals:]
    assert all(status == 503 and after for status, after in away), f"sent away with {away}"
    stage.disk.make_room()
    stage.lifted()


def journal_damaged(suffix: str) -> ImageInjector:
    """Kill the sidecar and flip bytes of its journal, cut it, or write nonsense over it; "-wal": over what is not in it yet."""

    async def inject(stage: Stage, chance: random.Random, size: Size) -> None:
        path = stage.data / f"journal.sqlite{suffix}"
        await verified(lambda: stage.oracle.ended() > 5, "there is something in the journal")
        asides = len(list(stage.data.glob("*.corrupt-*")))

        def damage() -> None:
            content = bytearray(path.read_bytes())
            match chance.randrange(3):
                case 0:
                    for _ in range(20):
                        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
                case 1:
                    del content[chance.randrange(len(content) // 4, len(content) * 3 // 4) :]
                case 2:
                    begin = chance.randrange(len(content) // 2)
                    content[begin : begin + 8192] = os.urandom(len(content[begin : begin + 8192]))
            path.write_bytes(content)

        if not suffix:
            await stage.checkpoint()
        await stage.kill(damage)
        if not suffix:
            found = sorted(path.name for path in stage.data.glob("*.corrupt-*"))
            assert len(found) > asides, "the damage was not noticed"
            assert "THE IMAGE JOURNAL WAS DAMAGED" in stage.cluster.sidecar.text

    return inject


async def nothing_more(stage: Stage, chance: random.Random, size: Size) -> None:
    """The sources themselves are the fault, all the time."""
    stage.lifted()
