"""Named queries from web/analytics/sql/*.sql: `-- name: x`, comments that say what it is, then the statement.

`{name:Type}` are parameters that ClickHouse itself puts in. `$name` are pieces of SQL from fixed lists in the code, never
from a request.
"""

import re
from functools import cache
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent.parent / "sql"
HEADING = re.compile(r"^-- name: (\w+)\n((?:--.*\n)+)", re.MULTILINE)


@cache
def _queries() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.sql")):
        _, *parts = HEADING.split(path.read_text(encoding="utf-8"))
        for name, _comment, statement in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
            if name in found:
                raise ValueError(f"two queries are called {name}; the second is in {path.name}")
            found[name] = statement.strip()
    return found


def sql(name: str, **pieces: str) -> str:
    """A query by name, with its pieces put in. Raises KeyError for an unknown name or a missing piece."""
    queries = _queries()
    text = Template(queries[name]).safe_substitute(pieces)  # a piece may hold pieces of its own
    return Template(text).substitute(
        pieces, short=queries["short"], within=queries["within"], received=queries["received"]
    )
