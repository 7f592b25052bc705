"""Puts rows that were run again into a table of docs/reliability.md in place of what an earlier run saw of them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

KEY = re.compile(r"\| \d+ \| [^|]+ \|")  # a line's row and name
SENTENCE = re.compile(r"^Run again on (\S+): rows ([\d, ]+)\.\n", re.MULTILINE)


def with_rows_again(section: str, lines: Iterable[str], rows: frozenset[int]) -> str:
    """The section with these lines of the table, and with a sentence before the table that names the rows.

    Raises ValueError for a line whose row and name the table does not have: the whole must be run then.
    """
    for line in lines:
        key = KEY.match(line)
        assert key is not None, line
        section, found = re.subn(rf"^{re.escape(key[0])}.*\n", line.replace("\\", r"\\"), section, flags=re.MULTILINE)
        if not found:
            raise ValueError(f"docs/reliability.md has no line {key[0]}: run all rows")
    earlier = {day: set(map(int, named.split(","))) - rows for day, named in SENTENCE.findall(section)}
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    earlier[today] = earlier.get(today, set()) | rows
    sentences = "".join(
        f"Run again on {day}: rows {', '.join(map(str, sorted(named)))}.\n" for day, named in earlier.items() if named
    )
    before, table, after = SENTENCE.sub("", section).partition("\n| # |")
    return f"{before.rstrip()}\n{sentences}{table}{after}"
