"""The judge of the rows on images: the events as ever; one image per key at the store, no orphan, nothing stuck."""

import contextlib
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError

from tests.browser.stack import SETTLED
from tests.faults.image_load import STORED, ImageLoad
from tests.faults.load import Load
from tests.faults.oracle import Oracle, Verdict

ROWS = "SELECT toString(event_id), status, reason, key, sha256 FROM images FINAL"
OPEN = (
    "SELECT (SELECT count(*) FROM jobs WHERE state IN ('pending', 'uploading') OR published_at < updated_at)"
    " + (SELECT count(*) FROM blobs WHERE state != 'stored')"
)
ENDED = "SELECT count(*) FROM jobs WHERE state IN ('stored', 'failed')"
STUCK = {
    "jobs that have not ended": "SELECT event_id FROM jobs WHERE state IN ('pending', 'uploading')",
    "jobs that pages don't know of": "SELECT event_id FROM jobs WHERE published_at < updated_at",
    "leases": "SELECT event_id FROM jobs WHERE owner != ''",
    "images without an outcome": "SELECT key FROM blobs WHERE state != 'stored'",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the images. `drafts` are without bytes, in no list of the store's, and expire by themselves."""

    images: int  # different ones, that had to be stored
    twice: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    drafts: int = 0

    @property
    def clean(self) -> bool:
        return not (self.twice or self.orphans or self.stuck or self.wrong)

    def __str__(self) -> str:
        found = {"twice": self.twice, "orphans": self.orphans, "stuck": self.stuck, "wrong": self.wrong}
        return "; ".join(f"{name} {len(which)} {which[:4] or ''}".strip() for name, which in found.items())


class ImageOracle(Oracle):
    """Reads the database, the journal and the spool; what the store holds comes from its double."""

    def __init__(self, dsn: str, plugin_data: Path) -> None:
        super().__init__(dsn)
        self._data = plugin_data

    def ended(self) -> int:
        """Jobs that have ended, by the journal; 0 while it can't be read."""
        with contextlib.suppress(sqlite3.Error):
            return int(self.asked(ENDED)[0][0])
        return 0

    def asked(self, sql: str) -> list[Any]:
        """What the journal says to a query."""
        try:
            return _asked(f"file:{self._data}/journal.sqlite?mode=ro", sql)
        except sqlite3.OperationalError:  # its process was killed: a look at the file itself would change it
            with tempfile.TemporaryDirectory() as copies:
                for path in self._data.glob("journal.sqlite*"):
                    if path.name in ("journal.sqlite", "journal.sqlite-wal"):
                        shutil.copy(path, copies)
                return _asked(f"file:{copies}/journal.sqlite?mode=rw", sql)

    def spooled(self) -> list[str]:
        """Files in the spool."""
        return [path.name for path in (self._data / "spool").iterdir()]

    def kept(self, load: ImageLoad, held: dict[str, str]) -> Kept:
        """Judge what the store holds."""
        rows = {id_: rest for id_, *rest in self._ask(ROWS)}
        kept = Kept(len(set(load.contents.values())), drafts=sum(not digest for digest in held.values()))
        named = {key for status, _, key, _ in rows.values() if status == STORED}
        copies = Counter(digest for digest in held.values() if digest)
        kept.twice.extend(digest for digest, count in copies.items() if count > 1)
        kept.orphans.extend(key for key, digest in held.items() if digest and key not in named)
        for id_, digest in load.contents.items():
            _, _, key, recorded = rows.get(id_, ("absent", "", "", ""))
            if held.get(key) != digest or recorded != digest:
                kept.wrong.append(f"the image of {id_}")
        for id_, ending in load.endings.items():
            status, reason, *_ = rows.get(id_, ("absent", "", ""))
            if status != STORED if ending == STORED else status != "failed" or ending not in reason:
                kept.wrong.append(f"{id_} is {status} {reason}, not {ending}")
        for what, sql in STUCK.items():
            kept.stuck.extend(f"{what}: {row[0]}" for row in self.asked(sql))
        return kept

    def _settled(self, load: Load) -> bool:
        with self._client() as client, contextlib.suppress(DatabaseError, sqlite3.Error):
            ((stored,),) = client.query("SELECT count() FROM events FINAL").result_rows
            ((even,),) = client.query(SETTLED).result_rows
            (journalled,) = self.asked("SELECT count(*) FROM jobs")[0]
            whole = stored >= len(load.expected) and bool(even) and journalled >= len(load.images())
            return whole and not self.asked(OPEN)[0][0]
        return False

    def _judge_images(self, verdict: Verdict, load: Load) -> None:
        rows = {id_ for id_, *_ in self._ask(ROWS)}
        verdict.lost.extend(f"image of {id_}" for id_ in load.images() - rows)
        verdict.extra.extend(f"image of {id_}" for id_ in rows - load.images())


def _asked(uri: str, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as journal:
        return journal.execute(sql).fetchall()
