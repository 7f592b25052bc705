"""The collector's binary: where it is, and its build beside the running stack, which the next start then uses."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from rich.console import Console

from stack.process import StackError, die_with_parent, kill_group

ENDS_WITHIN_S = 1.0
NEEDS_BYTES = 1_000_000_000  # of memory, for Go's compiler and linker
# One core, and memory is given back sooner than Go does by itself.
FRUGAL_GO = {"GOMAXPROCS": "1", "GOGC": "30"}


def binary() -> Path | None:
    """Ask the collector part where its binary is; None when there is none yet. Raises StackError for wrong settings."""
    command = [sys.executable, "-m", "collector", "where"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == 0:
        return Path(done.stdout.strip())
    if done.returncode == 2 or os.environ.get("CHATTRAIL_OTELCOL"):
        raise StackError(done.stderr.strip())
    return None


async def build(console: Console, log: Path, helpers: dict[str, int]) -> None:
    """Build the binary at the lowest priority, one core and a line for each step. A failure costs a line, nothing else."""
    if psutil.virtual_memory().available < NEEDS_BYTES:
        _say(console, "not built: that takes a gigabyte of memory, which is not free; the next start looks again")
        return
    _say(console, "is built in the background, for the next start; until then events go straight to the sidecar")
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "collector", "build"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **FRUGAL_GO},
            start_new_session=True,
            preexec_fn=_step_back,
        )
    helpers["the collector was built"] = process.pid
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            _say(console, line.decode(errors="replace").strip())
        if await process.wait() == 0:
            _say(console, "the next start puts it between the bot and the sidecar")
        else:
            why = (
                (await asyncio.to_thread(log.read_text, errors="replace"))
                .strip()
                .partition("\n")[0]
                .removeprefix("collector: ")
            )
            _say(console, f"not built, and nothing needs it: {why or 'it was killed'} (more in {log})")
    finally:
        if process.returncode is None:
            process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), ENDS_WITHIN_S)
        kill_group(process.pid)
        await process.wait()
        del helpers["the collector was built"]


def _say(console: Console, what: str) -> None:
    console.print(f"Collector: {what}", highlight=False, markup=False, soft_wrap=True)


def _step_back() -> None:
    """In the child: every other process comes first, and where memory ends this one goes."""
    os.nice(19)
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
        die_with_parent()
