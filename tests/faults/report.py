"""Writes docs/reliability.md from the outcomes of a full run, or lines of it from those of a part."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.faults.image_report import ImageReport
from tests.faults.rows_again import with_rows_again
from tests.faults.runs import Outcome
from tests.faults.table import FAULTS
from tests.support.paths import ROOT

DOCUMENT = ROOT / "docs" / "reliability.md"
HEAD = """# Faults survived

Written by `make faults` ({when}; {machine}); do not edit. Every line is a fault that was made for real, on running processes:
SIGKILL, SIGSTOP, SIGTERM, small disks that fill up, plugins that misbehave, and proxies that hold, cut, slow down or refuse.
A sender keeps the ids that were acknowledged to it. When things are quiet again, three numbers must be 0: *lost* (acknowledged
and not stored), *extra* (rows and figures that are not as a plain count of what was sent), *mismatch* (stored fields that
differ). Doubles that reached the table and that reading with `FINAL` takes away are counted as far as merges had left them:
the second line of defence at work.

*Longest wait* is the longest that one request had to wait for its acknowledgement, all its repetitions included: the worst
recovery as a sender sees it. *Quiet* is the longest from the last acknowledgement until all rows, figures and pictures were final.
The runs of rows {abreast} went side by side on the same cores, so both times are longer there than one run alone would show.

| # | fault | runs | events | lost | extra | mismatch | doubles seen | longest wait | quiet |
| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |
"""
NOTES = """
## Faults with a measure of their own
What these do to delivery is not for the three numbers to tell: each has its own test, which says what it saw.

| # | fault | runs | what was seen | worst recovery |
| --- | --- | --: | --- | --: |
"""
CONTROLS = """
## Negative controls
A test that cannot fail proves nothing. With a defence taken away the same oracle must turn red:

| defence taken away | what the oracle shows |
| --- | --- |
"""
OTHERS = ("## An hour's soak", "## Pictures")  # from the first of them on the document is written by others


@dataclass(frozen=True, slots=True)
class Note:
    """What a run showed that the oracle has no word for."""

    row: int
    name: str
    seed: int
    outcome: str
    worst_recovery_s: float


class Report:
    """Outcomes of this session."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.notes: list[Note] = []
        self.controls: dict[str, str] = {}
        self.images = ImageReport()

    def note(self, row: int, name: str, seed: int, outcome_text: str, worst_recovery_s: float) -> None:
        """Put down a run of a row that is not judged by the oracle, for a run that passed."""
        self.notes.append(Note(row, name, seed, outcome_text, worst_recovery_s))

    def summary(self) -> str:
        """The worst times, in one line; "" when the full run did not take part."""
        if not self.outcomes:
            return ""
        slowest = max(self.outcomes, key=lambda one: one.longest_wait_s)
        latest = max(self.outcomes, key=lambda one: one.quiet_after_s)
        return (
            f"{len(self.outcomes)} full runs: longest wait for an acknowledgement {slowest.longest_wait_s:.1f} s "
            f"({slowest.name}), quiet after at most {latest.quiet_after_s:.1f} s ({latest.name})"
        )

    def write(self, rows: frozenset[int] | None = None) -> None:
        """Write what was run in full, every row of it; a part would look like the whole. The rest of the document stays.

        With `rows`, their lines are put in place of an earlier run's.
        """
        if rows is None:
            self._write_all()
        elif self.outcomes:
            text = DOCUMENT.read_text(encoding="utf-8")
            others = _others(text)
            own = text.removesuffix(others)
            DOCUMENT.write_text(with_rows_again(own, self._lines(), rows) + others, encoding="utf-8")
        self.images.write(rows)

    def _lines(self) -> list[str]:
        return [
            _line(row, name, [one for one in self.outcomes if (one.row, one.name) == (row, name)])
            for row, name in sorted({(outcome.row, outcome.name) for outcome in self.outcomes})
        ]

    def _write_all(self) -> None:
        run = {(outcome.row, outcome.name) for outcome in self.outcomes}
        if not run >= {(fault.row, fault.name) for fault in FAULTS}:
            return
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
        abreast = ", ".join(map(str, sorted({fault.row for fault in FAULTS if fault.abreast})))
        text = HEAD.format(when=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine, abreast=abreast)
        text += "".join(self._lines())
        if self.notes:
            text += NOTES + "".join(
                _noted([one for one in self.notes if (one.row, one.name) == key])
                for key in sorted({(one.row, one.name) for one in self.notes})
            )
        text += CONTROLS + "".join(f"| {what} | {shown} |\n" for what, shown in self.controls.items())
        DOCUMENT.write_text(text + _others(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def _others(text: str) -> str:
    begins = [at for title in OTHERS if (at := text.find(f"\n{title}\n")) >= 0]
    return text[min(begins) :] if begins else ""


def _noted(runs: list[Note]) -> str:
    seen = "; ".join(dict.fromkeys(one.outcome for one in runs))  # in order, without repetitions
    worst = max(one.worst_recovery_s for one in runs)
    return f"| {runs[0].row} | {runs[0].name} | {len(runs)} | {seen} | {worst:.1f} s |\n"


def _line(row: int, name: str, runs: list[Outcome]) -> str:
    cells = [
        row,
        name,
        len(runs),
        sum(one.events for one in runs),
        sum(len(one.verdict.lost) for one in runs),
        sum(len(one.verdict.extra) for one in runs),
        sum(len(one.verdict.mismatch) for one in runs),
        sum(one.raw_extra for one in runs),
        f"{max(one.longest_wait_s for one in runs):.1f} s",
        f"{max(one.quiet_after_s for one in runs):.1f} s",
    ]
    return f"| {' | '.join(map(str, cells))} |\n"
