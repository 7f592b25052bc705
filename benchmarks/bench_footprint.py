"""What the whole stack takes: memory and time of the demo as it is, processor time of a stack that has nothing to do.

    python -m benchmarks.bench_footprint [--events 10000000] [--idle 60]

The idle stack is `make up` with a store of that many events, its collector included, and no page open.
"""

import argparse
import re
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.bench_pages import fill
from benchmarks.report import report
from stack.settings import StackSettings
from tests.support.embedded import EmbeddedClickHouse
from tests.support.launched import Launched, free_ports

SETTLED_S = 90.0
SMALL = ("people", "history_people", "history_days")  # what Launched makes smaller than a user has it


def demo(folder: Path) -> list[tuple[str, str]]:
    """Run the demo until its history has arrived and a little longer; what it prints at the end."""
    usual = {f"CHATTRAIL_STACK_{name.upper()}": str(StackSettings.model_fields[name].default) for name in SMALL}
    stack = Launched("demo", folder, free_ports(), **usual)
    try:
        stack.login_link()
        time.sleep(SETTLED_S)
        stack.end()
    finally:
        stack.kill()
    ready = re.search(r"Ready after (\S+) s", stack.text)
    peak = re.search(r"whole stack: (\d+) MB \(([^)]*)\)(?:; (\d+) MB while)?", stack.text)
    assert ready
    assert peak
    return [
        ("demo, first start to the ready line", f"{ready[1]} s"),
        ("demo, peak memory", f"{peak[1]} MB ({peak[2]})"),
        ("demo, peak memory while the history is sent", f"{peak[3] or peak[1]} MB"),
    ]


def idle(folder: Path, events: int, seconds: float) -> list[tuple[str, str]]:
    """Processor time of each part of a stack that has nothing to do, in percent of a core."""
    with EmbeddedClickHouse(folder / "up") as clickhouse:
        fill(clickhouse, folder / "scratch", events)
    stack = Launched("up", folder, free_ports())
    try:
        stack.login_link()
        time.sleep(SETTLED_S)  # merges of what was stored
        before = _times(stack)
        time.sleep(seconds)
        after = _times(stack)
        stack.end()
    finally:
        stack.kill()
    shares = {name: (after[name] - before.get(name, 0.0)) / seconds * 100 for name in after}
    parts = ", ".join(f"{name} {share:.1f}" for name, share in sorted(shares.items(), key=lambda item: -item[1]))
    return [(f"idle with {events:,} events, processor", f"{sum(shares.values()):.1f} % of a core ({parts})")]


def _times(stack: Launched) -> dict[str, float]:
    found: dict[str, float] = {}
    for process in stack.family():
        try:
            name = " ".join(process.cmdline()[:4]).rpartition(" -m ")[2] or process.name()
            found[name] = found.get(name, 0.0) + sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds that are measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = demo(Path(name) / "demo")
        rows += idle(Path(name) / "idle", given.events, given.idle)
    notes = "Memory is the sum of the resident sets of all processes, so pages that they share count several times."
    report("What the whole stack takes", "python -m benchmarks.bench_footprint", ("what", "takes"), rows, notes)


if __name__ == "__main__":
    main()
