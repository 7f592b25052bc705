"""How the queue stands, for a person who asks: it counts everything, and works beside a sidecar that writes."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """Jobs by state, failures by reason, when the oldest waiting job came (ms), stored bytes, unpublished changes."""

    states: dict[str, int]
    failures: dict[str, int]
    oldest: int | None
    bytes: int
    unpublished: int
    paused: str


def figures(db: sqlite3.Connection) -> Figures:
    """Count. Raises sqlite3.Error."""

    def one(sql: str) -> int:
        count: int = db.execute(sql).fetchone()[0]
        return count

    failures = "SELECT reason, count(*) FROM jobs WHERE state = 'failed' GROUP BY reason ORDER BY 2 DESC"
    return Figures(
        dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall()),
        dict(db.execute(failures).fetchall()),
        one("SELECT min(created_at) FROM jobs WHERE state IN ('pending', 'uploading')"),
        one("SELECT coalesce(sum(bytes), 0) FROM blobs WHERE state = 'stored'"),
        one("SELECT count(*) FROM jobs WHERE published_at < updated_at"),
        "".join(row[0] for row in db.execute("SELECT value FROM meta WHERE name = 'paused'").fetchall()),
    )
