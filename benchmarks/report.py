"""Writes benchmarks/RESULTS.md: one section for each benchmark, replaced when it runs again."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
_TITLE = (
    "# Results\n\nMeasured, not promised. Each section is written by its benchmark; run the command to repeat it.\n"
)


def report(
    title: str,
    command: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    notes: str = "",
    path: Path = RESULTS,
) -> str:
    """Put a section with a table into RESULTS.md, print it and return it. `notes` tells what was compared, and how."""
    lines = [f"## {title}", "", f"`{command}`", ""]
    lines += [f"| {' | '.join(header)} |", f"|{'|'.join(' --- ' for _ in header)}|"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    machine = f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {datetime.now(UTC):%Y-%m-%d}"
    section = "\n".join([*lines, "", f"{notes} ({machine})".strip(), ""])
    sections = _sections(path)
    sections[title] = section
    path.write_text(_TITLE + "".join(f"\n{sections[name]}" for name in sorted(sections)), encoding="utf-8")
    print(section)
    return section


def _sections(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    parts = path.read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in parts}
