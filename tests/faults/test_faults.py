"""Every row of the table, for real: nothing lost, nothing extra, nothing changed. And the proof that the oracle can tell."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import fault_injectors
from tests.faults.cluster import running_cluster
from tests.faults.fault_injectors import Size
from tests.faults.load import Mix, make_load
from tests.faults.report import Report
from tests.faults.runs import Outcome, injected, run
from tests.faults.table import FAULTS, Fault
from tests.support.embedded import EmbeddedClickHouse

SHARES = (0.1, 0.5, 0.9)
SEEDS = range(1, 6)
# One row for each kind of fault; with all of them `make test` would take more than its quarter of an hour.
IN_EVERY_RUN = (
    "3: sidecar killed after the insert, before the 200",
    "6: collector killed with a full queue",
    "7: ClickHouse killed with half an insert",
    "14: the sidecar's reply lost",
    "15: link from collector to sidecar cut for 20 s",
    "18: the same, and the collector killed",
    "21: 1 % poison, and a lost reply",
)


def quick(fault: Fault) -> Size:
    shares = {1: (0.1,), 3: (random.Random(fault.id).choice(SHARES),)}.get(fault.often, SHARES)
    return Size(events=800, parcel=20, shares=shares, lasts_s=4.0)


def full(fault: Fault) -> Size:
    evenly = tuple((number + 0.5) / fault.often for number in range(fault.often))
    shares = {1: (0.1,), 3: SHARES}.get(fault.often, evenly)
    return Size(events=10_000, parcel=100, shares=shares, lasts_s=fault.lasts_s)


def cases() -> Iterator[object]:
    slow = [pytest.mark.slow, pytest.mark.timeout(1200)]
    for fault in FAULTS:
        marks = () if fault.id in IN_EVERY_RUN else slow
        yield pytest.param(fault, (0,), quick(fault), id=f"{fault.id}, quick", marks=marks)
        for seeds in [tuple(SEEDS)] if fault.abreast else [(seed,) for seed in SEEDS]:
            name = " to ".join(f"seed{seed}" for seed in dict.fromkeys((seeds[0], seeds[-1])))
            yield pytest.param(fault, seeds, full(fault), id=f"{fault.id}, {name}", marks=slow)


@pytest.mark.parametrize(("fault", "seeds", "size"), list(cases()))
async def test_nothing_is_lost_doubled_or_changed(
    fault: Fault, seeds: tuple[int, ...], size: Size, tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    async def one(seed: int) -> None:
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcome = await run(fault, seed, size, folder, clickhouse)
        if seed:
            report.outcomes.append(outcome)
        assert outcome.passed, str(outcome)

    async with asyncio.TaskGroup() as together:
        for seed in seeds:
            together.create_task(one(seed))


CONTROL = Size(events=300, parcel=25, shares=(0.3,), lasts_s=0)


async def test_without_deduplication_the_oracle_sees_extra_rows(
    tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    """Tokens forgotten at once, and a count that does not look through doubles: a lost reply must show."""
    fault = Fault(14, "the sidecar's reply lost", fault_injectors.reply_lost("sidecar"))
    load = make_load(0, CONTROL.events, CONTROL.parcel, Mix())
    async with running_cluster(tmp_path, clickhouse) as cluster:
        await cluster.oracle.forget_tokens(0)
        counted = await injected(cluster, fault, 0, CONTROL, load, final=False)
        assert len(counted.verdict.extra) == CONTROL.parcel, str(counted)
        assert not counted.verdict.lost
        assert not counted.verdict.mismatch
        # and the second line of defence alone is enough
        assert (await cluster.oracle.judge(cluster.sender.acknowledged if cluster.sender else set(), load)).clean
    report.controls["deduplication by token, and `FINAL`"] = shown(counted)


@pytest.mark.parametrize("moment", ["request", "half"])
async def test_with_an_ack_before_the_commit_the_oracle_sees_losses(
    moment: str, tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    """A sender that counts what is written into the socket as acknowledged: a kill before the insert must show."""
    fault = Fault(1, "sidecar killed", fault_injectors.sidecar_killed_at("half" if moment == "half" else "request"))
    load = make_load(0, CONTROL.events, CONTROL.parcel, Mix())
    async with running_cluster(tmp_path, clickhouse) as cluster:
        outcome = await injected(cluster, fault, 0, CONTROL, load, hasty=True, patience_s=5.0)
    assert len(outcome.verdict.lost) >= CONTROL.parcel, str(outcome)
    report.controls[f"commit before ack (killed at {moment})"] = shown(outcome)


LIMITED = "exporters: {otlp_http/sidecar: {retry_on_failure: {max_interval: 2s, max_elapsed_time: 5s}}}\n"


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_with_a_limit_to_retries_the_oracle_sees_losses(
    tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    """The collector's own default gives up after 300 s; with 5 s the cut of row 15, which is longer, must show."""
    fault = next(fault for fault in FAULTS if fault.row == 15)
    limited = tmp_path / "limited.yaml"
    limited.write_text(LIMITED)
    load = make_load(0, 2000, 50, Mix())
    size = replace(full(fault), events=2000)
    async with running_cluster(tmp_path, clickhouse, collector={}, overlays=(limited,)) as cluster:
        outcome = await injected(cluster, fault, 0, size, load, patience_s=5.0)
    assert outcome.verdict.lost, str(outcome)
    report.controls["retry without end (5 s at most, the link cut for 20 s)"] = shown(outcome)


def shown(outcome: Outcome) -> str:
    verdict = outcome.verdict
    return f"lost {len(verdict.lost)}, extra {len(verdict.extra)}, mismatch {len(verdict.mismatch)} of {outcome.events}"
