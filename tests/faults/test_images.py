"""Every row on images, for real: one image per key at the store, no orphan, nothing stuck, no event lost."""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.fault_injectors import Size
from tests.faults.image_fault_injectors import CONFIRM, UPLOAD, killed_at
from tests.faults.image_runs import run_images
from tests.faults.image_table import IMAGE_FAULTS, ImageFault
from tests.faults.report import Report
from tests.support.embedded import EmbeddedClickHouse

SEEDS = range(1, 6)
# Of a full run: with 10,000, as the other rows have, its 2,300 images would wait for Cloudflare's rate, 575 in five minutes.
EVENTS = int(os.environ.get("FAULT_EVENTS", "1000"))
# One row for each kind of fault that no other test makes with all parts.
IN_EVERY_RUN = (
    "20: what the journal has in its WAL damaged, sidecar killed",
    "28: sidecar killed between draft, upload, confirmation, record and page",
    "28: sidecar killed at random, Cloudflare",
)


def quick(fault: ImageFault) -> Size:
    shares = (random.Random(fault.id).choice((0.2, 0.5)),)
    return Size(events=160, parcel=10, shares=shares, lasts_s=1.0)


def full(fault: ImageFault) -> Size:
    shares = tuple((number + 0.5) / fault.often for number in range(fault.often))
    return Size(events=EVENTS, parcel=10, shares=shares, lasts_s=fault.lasts_s)


def cases() -> Iterator[object]:
    slow = [pytest.mark.slow, pytest.mark.timeout(600)]
    for fault in IMAGE_FAULTS:
        marks = () if fault.id in IN_EVERY_RUN else slow
        yield pytest.param(fault, 0, quick(fault), id=f"{fault.id}, quick", marks=marks)
    for seed in SEEDS:  # all rows with one seed, then with the next: a run that is broken off tells of every row
        for fault in IMAGE_FAULTS:
            yield pytest.param(fault, seed, full(fault), id=f"{fault.id}, seed{seed}", marks=slow)


CONTROLS = {
    "noting a draft's id before its bytes leave": ("forgetful", (UPLOAD, "reply")),
    "settling what was noted": ("trusting", (CONFIRM, "reply")),
}


@pytest.mark.slow
@pytest.mark.parametrize("defence", CONTROLS)
async def test_without_it_the_oracle_sees_orphans(
    defence: str, tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    manner, (marker, moment) = CONTROLS[defence]
    fault = next(fault for fault in IMAGE_FAULTS if fault.row == 28)
    injected = replace(fault, inject=killed_at(marker, moment))  # type: ignore[arg-type]
    program = ("-m", "tests.faults.unsafe_receiver", manner)
    outcome = await run_images(injected, 1, quick(fault), tmp_path, clickhouse, program=program, patience_s=10.0)
    assert outcome.kept.orphans, str(outcome)
    assert not outcome.verdict.lost
    report.images.controls[defence] = (
        f"orphans {len(outcome.kept.orphans)}, twice {len(outcome.kept.twice)} of {outcome.kept.images}"
    )


@pytest.mark.parametrize(("fault", "seed", "size"), list(cases()))
async def test_one_image_per_key_no_orphan_nothing_stuck(
    fault: ImageFault, seed: int, size: Size, tmp_path: Path, clickhouse: EmbeddedClickHouse, report: Report
) -> None:
    outcome = await run_images(fault, seed, size, tmp_path, clickhouse)
    assert outcome.passed, str(outcome)
    if seed:
        report.images.outcomes.append(outcome)
