"""Killed at any point, the queue ends with each acknowledged image once at the store, nothing else there, nothing stuck."""

import asyncio
import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.image_queue import POINTS, RecordingStore, images, jobs
from tests.support.paths import ROOT

COUNT = 24


def run(folder: Path, seed: int, *, kill_at: str = "", kill_after_s: float | None = None) -> tuple[int, set[str]]:
    """Run the archiver's process to its end or a kill; its exit code and the events it acknowledged."""
    environ = {**os.environ, "SEED": str(seed), "IMAGES": str(COUNT), "KILL_AT": kill_at}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.image_queue", str(folder)],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(timeout=kill_after_s or 60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    assert "Traceback" not in err, err
    # a kill may cut the last line short
    return process.returncode, {line.split()[1] for line in out.splitlines(keepends=True) if line.endswith("\n")}


def check(folder: Path, seed: int, acked: set[str]) -> None:
    given = images(seed, COUNT)
    states = {job["event_id"]: job["state"] for job in jobs(folder)}
    assert acked <= states.keys()
    assert set(states.values()) == {"stored"}
    expected = sorted({hashlib.sha256(given[event]).hexdigest() for event in states})
    assert RecordingStore(folder / "remote").contents() == expected
    # ClickHouse is not there to tell of them
    assert {path.stem for path in (folder / "data" / "spool").iterdir()} == states.keys()


@pytest.mark.parametrize("point", POINTS)
async def test_killed_between_draft_upload_and_record(point: str, tmp_path: Path) -> None:
    code, acked = await asyncio.to_thread(run, tmp_path, 1, kill_at=point)
    assert code == -9
    code, more = await asyncio.to_thread(run, tmp_path, 1)
    assert code == 0
    check(tmp_path, 1, acked | more)


async def _killed_at_random(folder: Path, seed: int, kills: int) -> None:
    chance, acked = random.Random(seed), set[str]()
    for _ in range(kills):
        _, some = await asyncio.to_thread(run, folder, seed, kill_after_s=chance.uniform(0.5, 1.5))
        acked |= some
    code, some = await asyncio.to_thread(run, folder, seed)
    assert code == 0
    check(folder, seed, acked | some)


async def test_killed_at_random(tmp_path: Path) -> None:
    await _killed_at_random(tmp_path, 1, kills=4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
async def test_killed_at_random_more_often(seed: int, tmp_path: Path) -> None:
    await _killed_at_random(tmp_path, seed, kills=12)
