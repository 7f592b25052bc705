"""An hour's soak (`make soak`): slow ClickHouse, and random faults, side by side. And the proof that a leak would be seen."""

import asyncio
import os
import time
from collections.abc import Coroutine
from pathlib import Path

import pytest

from tests.faults.soak_fault_injectors import KINDS
from tests.faults.soak_report import section, write
from tests.faults.soak_runs import Result, Soak, random_faults, run_random_faults, run_slow_clickhouse, slow_clickhouse

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
OVERWRITE = bool(os.environ.get("SOAK_OVERWRITE"))
PROGRESS_EVERY_S = 60.0
CONTROL_MINUTES, CONTROL_SCALE = 3.0, 10
LEAK = '''"""Keeps every batch it gets."""

from typing import ClassVar

from common.settings import Settings
from sidecar.otlp.batch import Batch
from sidecar.plugin import Context, Factory


class LeakSettings(Settings):
    prefix: ClassVar[str] = "SIDECAR_LEAK"


class Leak:
    events = None

    def __init__(self, settings: LeakSettings, context: Context) -> None:
        self._kept: list[Batch] = []

    async def start(self) -> None:
        pass

    async def handle(self, batch: Batch) -> None:
        self._kept.append(batch)

    async def shutdown(self) -> None:
        pass


FACTORY = Factory(name="leak", config=LeakSettings, build=Leak, required=True)
'''


async def progress(*soaks: Soak) -> None:
    """A line for each soak every minute, until cancelled."""
    began = time.monotonic()
    while True:
        await asyncio.sleep(PROGRESS_EVERY_S)
        for soak in soaks:
            print(f"[{(time.monotonic() - began) / 60:3.0f} min] {soak}", flush=True)


async def reported(run: Coroutine[None, None, Result]) -> Result:
    """Print at once that it failed: the other one may go on for an hour."""
    try:
        return await run
    except BaseException as error:
        print(f"a soak failed: {error!r}", flush=True)
        raise


async def side_by_side(folder: Path, minutes: float) -> list[Result]:
    """Both soaks at once; one that fails does not end the other."""
    slow, faults = slow_clickhouse(1, minutes), random_faults(1, minutes)
    telling = asyncio.create_task(progress(slow, faults))
    try:
        (slow_folder := folder / "slow").mkdir()
        (faults_folder := folder / "faults").mkdir()
        runs = reported(run_slow_clickhouse(slow, slow_folder)), reported(run_random_faults(faults, faults_folder))
        ends = await asyncio.gather(*runs, return_exceptions=True)
    finally:
        telling.cancel()
    failed = [end for end in ends if isinstance(end, BaseException)]
    if failed:
        raise BaseExceptionGroup("a soak did not come to its end", failed)
    return [end for end in ends if isinstance(end, Result)]


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 3600)
async def test_soak(tmp_path: Path) -> None:
    assert MINUTES >= 3, "SOAK_MINUTES must be 3 at least: there would be too few samples to judge"
    results = await side_by_side(tmp_path, MINUTES)
    print(section(results), flush=True)
    slow, faults = results
    complaints = slow.complaints() + faults.complaints()
    assert not complaints, "\n".join(complaints)
    assert slow.sent_away, "the line was never so slow that a sender was sent away"
    if MINUTES >= 60:
        assert not {kind.name for kind in KINDS} - faults.faults.keys(), "not every fault has been injected"
        assert faults.long_cut_s > 300, "the link was never cut for longer than the collector's usual limit"
    write(results, overwrite=OVERWRITE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_sidecar_that_leaks_is_found(tmp_path: Path) -> None:
    """The negative control: the first soak, shorter and with ten times the events; once with a plugin that keeps them all."""
    (plugins := tmp_path / "plugins").mkdir()
    (plugins / "leak.py").write_text(LEAK)
    leaking = {"PLUGINS": "clickhouse,leak", "PLUGINS_DIR": str(plugins)}
    results = []
    for name, settings in (("sound", {}), ("leaking", leaking)):
        (folder := tmp_path / name).mkdir()
        soak = slow_clickhouse(2, CONTROL_MINUTES, scale=CONTROL_SCALE)
        results.append(await run_slow_clickhouse(soak, folder, **settings))
        print(f"{name}: {results[-1].events} events, memory {results[-1].memory['sidecar']}", flush=True)
    sound, leaked = results
    assert sound.complaints() == []
    (complaint,) = leaked.complaints()
    assert "bytes of memory grow" in complaint
