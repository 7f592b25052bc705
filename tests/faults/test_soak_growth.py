"""Which growth of memory and handles counts as a leak, on made-up series; and the soak's section of the document."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.load import Mix
from tests.faults.oracle import Verdict
from tests.faults.soak_growth import MIB, handle_growth, memory_growth
from tests.faults.soak_load import Supply
from tests.faults.soak_report import TITLE, section, write
from tests.faults.soak_runs import Result

WATCHED_S = 51 * 60
SEEDS = range(40)


def memory(seed: int, *, leak_per_h: float = 0.0) -> list[float]:
    """Samples every 3 s at 130 MiB: independent noise, and a wandering (AR(1), a minute's memory) as allocators have it."""
    chance, off = random.Random(seed), 0.0
    samples = []
    for at in range(0, WATCHED_S, 3):
        off = 0.95 * off + chance.gauss(0, 2 * (1 - 0.95**2) ** 0.5)
        samples.append((130 + leak_per_h * at / 3600 + off + chance.gauss(0, 2)) * MIB)
    return samples


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_is_flat_and_a_leak_of_20_mib_an_hour_in_it_is_not(seed: int) -> None:
    assert memory_growth(memory(seed)).complaint == ""
    assert "bytes of memory grow" in memory_growth(memory(seed, leak_per_h=20)).complaint


def test_too_few_samples_are_an_error() -> None:
    for growth in (memory_growth, handle_growth):
        with pytest.raises(ValueError, match="too few"):
            growth([1.0] * 7)


def test_handles_that_come_and_go_are_flat_and_one_in_five_minutes_is_found() -> None:
    chance = random.Random(0)
    busy = [float(20 + chance.randrange(6)) for _ in range(0, WATCHED_S, 3)]
    assert handle_growth(busy).complaint == ""
    growing = [count + 3 * index // 300 for index, count in enumerate(busy)]
    assert handle_growth(growing).complaint.startswith("file handles grow")


async def test_slices_of_a_load_go_on_where_the_last_ended() -> None:
    supply = Supply(1, 5, Mix(poison=0.1))
    parcels = [*await supply.some(20), *await supply.some(30)]
    load = supply.load
    numbers = [row.attributes["event.sequence"] for row in load.expected.values()]
    assert supply.made == 250
    assert set(load.expected) == {id_ for parcel in parcels for id_ in parcel.ids}
    assert load.poison == sum(parcel.poison for parcel in parcels) == 250 - len(load.expected) > 0
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(1, 251))


def result(minutes: float) -> Result:
    return Result(
        name="slow ClickHouse", minutes=minutes, events=1000, poison=5, verdict=Verdict(), dropped=(), sent_away=3,
        longest_wait_s=1.5, quiet_after_s=0.5, again=0,
        memory={"sidecar": memory_growth(memory(0))}, handles={"sidecar": handle_growth([20.0] * 8)},
        faults={"ClickHouse killed": 7}, missed=0, long_cut_s=310.0, worst_recovery=(3.0, "ClickHouse killed"),
    )  # fmt: skip


def test_a_short_soak_says_so_and_leaves_a_longer_ones_section_alone(tmp_path: Path) -> None:
    document = tmp_path / "reliability.md"
    document.write_text("# Faults survived\n\ntable\n")
    assert write([result(4)], overwrite=False, document=document)
    assert "**Soaked for 4 minutes**, which is less than an hour" in document.read_text()
    assert write([result(60)], overwrite=False, document=document)
    hour = document.read_text()
    assert "**Soaked for 60 minutes**,\n" in hour
    assert not write([result(4)], overwrite=False, document=document)
    assert document.read_text() == hour
    assert write([result(4)], overwrite=True, document=document)
    text = document.read_text()
    assert text.startswith("# Faults survived\n\ntable\n\n## An hour's soak\n")
    assert text.count(TITLE) == 1


def test_every_row_of_the_section_has_a_cell_for_each_soak() -> None:
    table = [line for line in section([result(60), result(60)]).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {4}


def test_complaints_name_what_is_wrong() -> None:
    assert result(60).complaints() == []
    leaking = memory_growth(memory(0, leak_per_h=20))
    bad = replace(
        result(60), verdict=Verdict(lost=["a"]), dropped=(400,), memory={"sidecar": leaking}, missed=5,
        handles={"collector": handle_growth([20.0] * 4 + [40.0] * 4)},
    )  # fmt: skip
    text = "\n".join(bad.complaints())
    for what in (
        "sidecar: bytes of memory grow",
        "collector: file handles grow",
        "lost 1",
        "given up with (400,)",
        "5 faults found nothing",
    ):
        assert what in text
