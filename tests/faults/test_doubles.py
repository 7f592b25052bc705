"""Row 25: the same events again, cut otherwise, in another order, and after their tokens are forgotten. No page may change."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import running_cluster
from tests.faults.load import Mix, Parcel, make_load, parcels_of
from tests.faults.oracle import Verdict
from tests.faults.pages import Pages
from tests.faults.report import Report
from tests.faults.runs import Outcome
from tests.faults.sender import Sender
from tests.support.embedded import EmbeddedClickHouse


def cases() -> list[Any]:
    slow = [pytest.mark.slow, pytest.mark.timeout(600)]
    return [pytest.param(0, 700, id="quick")] + [
        pytest.param(seed, 10_000, id=f"seed{seed}", marks=slow) for seed in range(1, 6)
    ]


@pytest.mark.parametrize(("seed", "events"), cases())
async def test_doubles_change_no_page_and_no_figure(
    seed: int, events: int, tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    chance = random.Random(seed)
    load = make_load(seed, events, 50, Mix())
    async with (
        running_cluster(tmp_path, clickhouse) as cluster,
        Sender(cluster.url) as sender,
    ):
        await deliver(sender, load.parcels)
        await cluster.oracle.settled(load)
        pages = Pages(cluster.readonly_dsn, tmp_path)
        before = await asyncio.to_thread(pages.everything)
        await cluster.oracle.forget_tokens(1)
        for size in (23, 130):
            shuffled = chance.sample(load.records, len(load.records))
            await deliver(sender, parcels_of(shuffled, size))
        await deliver(sender, load.parcels)  # the very same bodies, their tokens forgotten
        await cluster.oracle.settled(load)
        verdict: Verdict = await cluster.oracle.judge(sender.acknowledged, load)
        raw_extra = await cluster.oracle.raw_rows() - events
        after = await asyncio.to_thread(pages.everything)
    outcome = Outcome(
        25, "the same events three times more", seed, events, verdict, (), raw_extra, sender.longest_wait_s, 0
    )
    if seed:
        report.outcomes.append(outcome)
    assert outcome.passed, str(outcome)
    assert {name for name in before if before[name] != after[name]} == set()
    trails = [page["events"] for address, page in before.items() if "/events?" in address]
    assert sum(map(len, trails)) > 0.9 * events, "the pages did not show what was sent"
    assert raw_extra > 0, "the doubles never got as far as the table: this run proves nothing"


async def deliver(sender: Sender, parcels: list[Parcel]) -> None:
    sender.feed(parcels)
    await sender.finished()
