"""Writes the section on images of docs/reliability.md; what stands before and after it is left alone."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.image_runs import ImageOutcome
from tests.faults.image_table import IMAGE_FAULTS
from tests.faults.rows_again import with_rows_again
from tests.support.paths import ROOT

DOCUMENT = ROOT / "docs" / "reliability.md"
TITLE = "## Pictures"
HEAD = """{title}

Written by `make faults-pictures` ({when}; {machine}); do not edit. Real parts again: the sidecar as a process with its decoding
children, ClickHouse, a sender that repeats; Cloudflare's double as a process of its own, S3 by rclone, a folder. A run has
{events} events; a third of them bring pictures, a third of these the same picture again. Afterwards the store itself is
asked what it holds. *Twice*: pictures that lie there more than once. *Orphans*: pictures there that no row leads to. *Stuck*: jobs
of the journal that have not ended, are leased or not published, uploads without an outcome, bytes left in the spool. *Lost*:
acknowledged events that are not stored, or whose picture did not end as it must. All must be 0. *Drafts* are left when no response
named their id: Cloudflare lists them nowhere, they hold nothing, and their address ends after 30 minutes. Where none can be had
(24, 29, 30), each must fail for its own reason. The sidecar's memory grows by less than 64 MiB in every run.

*Recovery* is the longest from a kill, restart included, or from the end of a fault to the next picture that ends. *Wait* is the
longest that a sender waited for an acknowledgement. *Quiet* is the longest from the last acknowledgement until all had ended.
The machine's load was {load:.0f} on average, in the quarter of an hour before the end: it lengthens all three.

| # | fault | runs | events | pictures | twice | orphans | drafts | stuck | lost | extra | mismatch | recovery | wait | quiet |
| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
"""
CONTROLS = """
With a defence taken away the same judge must find something:

| defence taken away | what it finds |
| --- | --- |
"""


class ImageReport:
    """Outcomes of this session."""

    def __init__(self) -> None:
        self.outcomes: list[ImageOutcome] = []
        self.controls: dict[str, str] = {}

    def write(self, rows: frozenset[int] | None = None, *, document: Path = DOCUMENT) -> None:
        """Write the section when every row was run in full; a part of it would look like the whole.

        With `rows`, their lines are put in place of an earlier run's.
        """
        if not self.outcomes:
            return
        before, section, after = split(document.read_text(encoding="utf-8"))
        run = {(outcome.row, outcome.name) for outcome in self.outcomes}
        if rows is not None:
            document.write_text(before + with_rows_again(section, self._lines(), rows) + after, encoding="utf-8")
        elif run >= {(fault.row, fault.name) for fault in IMAGE_FAULTS}:
            document.write_text(f"{before.rstrip()}\n\n{self._text()}{after}", encoding="utf-8")

    def _text(self) -> str:
        text = HEAD.format(
            title=TITLE,
            when=f"{datetime.now(UTC):%Y-%m-%d}",
            machine=f"{os.cpu_count()} cores, Python {platform.python_version()}",
            load=os.getloadavg()[2],
            events=" or ".join(f"{events:,}" for events in sorted({outcome.events for outcome in self.outcomes})),
        )
        text += "".join(self._lines())
        return text + CONTROLS + "".join(f"| {what} | {found} |\n" for what, found in self.controls.items())

    def _lines(self) -> list[str]:
        return [
            _line(row, name, [one for one in self.outcomes if (one.row, one.name) == (row, name)])
            for row, name in sorted({(outcome.row, outcome.name) for outcome in self.outcomes})
        ]


def split(text: str) -> tuple[str, str, str]:
    """A document before this section, the section, and after it, where the next one begins."""
    before, found, rest = text.partition(f"{TITLE}\n")
    section, following, after = rest.partition("\n## ")
    return before, found + section, following + after


def _line(row: int, name: str, runs: list[ImageOutcome]) -> str:
    cells = [
        row,
        name,
        len(runs),
        sum(one.events for one in runs),
        sum(one.jobs for one in runs),
        sum(len(one.kept.twice) for one in runs),
        sum(len(one.kept.orphans) for one in runs),
        sum(one.kept.drafts for one in runs),
        sum(len(one.kept.stuck) + len(one.spooled) for one in runs),
        sum(len(one.verdict.lost) + len(one.kept.wrong) for one in runs),
        sum(len(one.verdict.extra) for one in runs),
        sum(len(one.verdict.mismatch) for one in runs),
        *(f"{max(times):.1f} s" for times in (
            [one.worst_recovery_s for one in runs], [one.longest_wait_s for one in runs], [one.quiet_after_s for one in runs]
        )),
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |\n"
