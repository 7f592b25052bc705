"""Writes docs/reliability.md from the outcomes of a full run, or of one and of rows that were run again."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.oracle import Verdict
from tests.faults.picture_report import PictureReport
from tests.faults.runs import Outcome
from tests.faults.table import FAULTS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
RECORD = DOCUMENT.parents[1] / "data" / "faults.json"  # outcomes, so that a row can be run again without all the others
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
{again}
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
        self.again: set[int] = set()
        self.pictures = PictureReport()

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

        With `rows`, those are put in place of what an earlier run saw of them.
        """
        if rows is not None:
            self._add_earlier(rows)
        if self.outcomes:
            RECORD.parent.mkdir(exist_ok=True)
            RECORD.write_text(json.dumps(self._saved()), encoding="utf-8")
        self._write_table()
        self.pictures.write(rows)

    def _saved(self) -> dict[str, Any]:
        outcomes, notes = [[asdict(one) for one in found] for found in (self.outcomes, self.notes)]
        return {"outcomes": outcomes, "notes": notes, "controls": self.controls, "again": sorted(self.again)}

    def _add_earlier(self, rows: frozenset[int]) -> None:
        if not RECORD.exists():
            return
        earlier = json.loads(RECORD.read_text(encoding="utf-8"))
        for told in earlier["outcomes"]:
            if told["row"] not in rows:
                self.outcomes.append(Outcome(**{**told, "verdict": Verdict(**told["verdict"])}))
        self.notes += [Note(**told) for told in earlier["notes"] if told["row"] not in rows]
        self.controls = earlier["controls"] | self.controls
        self.again |= rows | set(earlier["again"])

    def _write_table(self) -> None:
        run = {(outcome.row, outcome.name) for outcome in self.outcomes}
        if not run >= {(fault.row, fault.name) for fault in FAULTS}:
            return
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
        abreast = ", ".join(map(str, sorted({fault.row for fault in FAULTS if fault.abreast})))
        again = ", ".join(map(str, sorted(self.again)))
        again = (
            f"Rows {again} were run again after the others (`make faults ROWS={again.replace(' ', '')}`).\n"
            if again
            else ""
        )
        text = HEAD.format(when=f"{datetime.now(UTC):%Y-%m-%d}", machine=machine, abreast=abreast, again=again)
        for row, name in sorted({(outcome.row, outcome.name) for outcome in self.outcomes}):
            text += _line(row, name, [one for one in self.outcomes if (one.row, one.name) == (row, name)])
        if self.notes:
            text += NOTES + "".join(
                _noted([one for one in self.notes if (one.row, one.name) == key])
                for key in sorted({(one.row, one.name) for one in self.notes})
            )
        text += CONTROLS + "".join(f"| {what} | {shown} |\n" for what, shown in self.controls.items())
        DOCUMENT.write_text(text + _others())


def _others() -> str:
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
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
