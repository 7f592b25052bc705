"""Writes the section on soaks of docs/reliability.md; what stands before it is left alone."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.soak_growth import HANDLES_MAX, MEMORY_MAX, MIB
from tests.faults.soak_runs import EVENTS_PER_S, IMPATIENT_S, LINE_B_PER_S, Result
from tests.support.paths import ROOT

DOCUMENT = ROOT / "docs" / "reliability.md"
TITLE = "## An hour's soak"
LENGTH = re.compile(r"Soaked for (\d+(?:\.\d+)?) minutes")
HEAD = """{title}

Written by `make soak` ({when}; {machine}); do not edit. **Soaked for {minutes:g} minutes**{short},
two set-ups side by side:

- *slow ClickHouse*: the line from the sidecar to ClickHouse carries {slowest:g} to {fastest:g} bytes a second per connection,
  another rate every half a minute or so; a request of 20 events has 5 kB, and the sidecar gives an insert up after {limit} s.
  The sender sends as fast as it is let.
- *random faults*: {rate} events a second, 0.5 % of them poison, through a collector; faults come at random times. The sidecar
  is killed in the first quarter only and the collector in the first half, so that a leak has time to show afterwards. After the
  first quarter comes the long cut; what piled up in it lifts memory once, and from then on memory and handles are judged.

*Lost*, *extra* and *mismatch* are judged as for the faults, all must be 0. Memory and handles are flat when the median of the
last quarter is at most {memory} MiB, or {handles} handles, above that of the first. `make soak` also runs a sidecar with a plugin
that keeps every batch, which must not count as flat.

"""


def section(results: Sequence[Result]) -> str:
    """The section's text."""
    minutes = min(result.minutes for result in results)
    text = HEAD.format(
        title=TITLE,
        when=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{os.cpu_count()} cores, Python {platform.python_version()}",
        minutes=minutes,
        short="" if minutes >= 60 else ", which is less than an hour and proves less",
        slowest=LINE_B_PER_S[0],
        fastest=LINE_B_PER_S[1],
        limit=IMPATIENT_S,
        rate=EVENTS_PER_S,
        memory=MEMORY_MAX // MIB,
        handles=HANDLES_MAX,
    )
    rows = [[result.name for result in results], *zip(*map(_cells, results), strict=True)]
    names = ["", *_LABELS]
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in zip(names, rows, strict=True)]
    text += "\n".join([lines[0], f"| --- |{' --: |' * len(results)}", *lines[1:]]) + "\n"
    for result in results:
        if result.faults:
            counted = sorted(result.faults.items(), key=lambda item: (-item[1], item[0]))
            text += f"\nFaults of *{result.name}*: {', '.join(f'{name} {count}' for name, count in counted)}. "
            text += (
                f"The long cut lasted {result.long_cut_s:.0f} s; {result.missed} faults found nothing to interrupt.\n"
            )
    return text


_LABELS = (
    "events", "of these poison", "faults", "lost", "extra", "mismatch", "dead letters that lie there again",
    "senders sent away, times",
    "longest wait for an acknowledgement", "worst recovery, until all acknowledged is stored", "quiet after the end",
    "memory of the sidecar, first → last", "file handles, first → last",
)  # fmt: skip


def _cells(result: Result) -> list[str]:
    seconds, after = result.worst_recovery
    handles = ", ".join(f"{part} {count}" for part, count in result.handles.items())
    return [
        f"{result.events}",
        f"{result.poison}",
        f"{sum(result.faults.values())}",
        *(str(len(found)) for found in (result.verdict.lost, result.verdict.extra, result.verdict.mismatch)),
        f"{result.again}",
        f"{result.sent_away}",
        f"{result.longest_wait_s:.1f} s",
        f"{seconds:.1f} s ({after})" if after else "–",
        f"{result.quiet_after_s:.1f} s",
        str(result.memory["sidecar"]),
        handles,
    ]


def write(results: Sequence[Result], *, overwrite: bool, document: Path = DOCUMENT) -> bool:
    """Put the section at the end of the document. False, and nothing written, when that of a longer soak stands there."""
    text = document.read_text(encoding="utf-8") if document.exists() else "# Faults survived\n"
    before, _, there = text.partition(TITLE)
    there, following, after = there.partition("\n## ")
    longer = LENGTH.search(there)
    if longer and float(longer[1]) > min(result.minutes for result in results) and not overwrite:
        return False
    document.write_text(f"{before.rstrip()}\n\n{section(results)}{following}{after}".lstrip(), encoding="utf-8")
    return True
