"""The images that jobs refer to, each once for a store and its SHA-256: noted, sent, recorded, removed."""

from collections.abc import Sequence
from typing import Any

from sidecar.errors import RetryableError
from sidecar.plugins.images.queue.jobs import Blob, Job, crc, ms
from sidecar.plugins.images.queue.journal import DB, Journal, step
from sidecar.plugins.images.queue.recovery import CorruptRowError
from sidecar.plugins.images.queue.schema import BLOB_COLUMNS, OPEN, inserting

_SELECT = f"SELECT {', '.join(BLOB_COLUMNS)} FROM blobs"


class BlobStore(Journal):
    """Steps on the table of images."""

    @property
    def _now(self) -> int:
        return ms(self._context.clock.now())

    @step
    def note_upload(self, db: DB, job: Job, blob: Blob) -> None:
        """Record under which key an image is about to be stored."""
        values = [*blob.lasting, "uploading", self.owner, crc(blob.lasting)]
        db.execute(f"INSERT OR REPLACE {inserting('blobs', BLOB_COLUMNS)}", values)
        db.execute(
            f"UPDATE jobs SET state = 'uploading', store = ?, sha256 = ? WHERE event_id = ? AND {OPEN}",
            [blob.store, blob.sha256, job.event_id],
        )

    @step
    def take_blob(self, db: DB, store: str, sha256: str) -> Blob | None:
        """Return an image at a store, leased to this process when it is not settled. Raises RetryableError when another has it."""
        row = db.execute(f"{_SELECT} WHERE store = ? AND sha256 = ?", [store, sha256]).fetchone()
        blob = None if row is None else _blob(row)
        if blob is None or blob.state == "stored":
            return blob
        if blob.owner not in ("", self.owner) and self.alive(blob.owner):
            raise RetryableError("another process works on the same image", after=1)
        db.execute("UPDATE blobs SET owner = ? WHERE store = ? AND sha256 = ?", [self.owner, store, sha256])
        return blob

    @step
    def unsettled(self, db: DB, store: str) -> list[Blob]:
        """Return the images whose upload or removal was begun and not recorded as done."""
        unsettled = "INDEXED BY blobs_unsettled WHERE store = ? AND state != 'stored'"
        return [_blob(row) for row in db.execute(f"{_SELECT} {unsettled}", [store]).fetchall()]

    @step
    def settle(self, db: DB, store: str, sha256: str, *, stored: bool) -> bool:
        """Record the outcome of a noted key. True: the image is stored, and so are the jobs that were uploading it.

        False: nothing is there, and those jobs are pending; or no job wants it any more, and it is `deleting`.
        """
        which = [store, sha256]
        if not stored:
            db.execute("DELETE FROM blobs WHERE store = ? AND sha256 = ?", which)
            db.execute("UPDATE jobs SET state = 'pending', sha256 = '' WHERE store = ? AND sha256 = ? AND state = 'uploading'",
                       which)  # fmt: skip
            return False
        db.execute(
            "UPDATE blobs SET state = 'stored', owner = '' WHERE store = ? AND sha256 = ? AND state != 'deleting'",
            which,
        )
        db.execute(
            "UPDATE jobs SET state = 'stored', reason = '', owner = '', attempts = attempts + 1,"
            " updated_at = max(?, updated_at + 1) WHERE store = ? AND sha256 = ? AND state = 'uploading'",
            [self._now, *which],
        )
        return not drop_unwanted(db, store, sha256)


def _blob(row: Sequence[Any]) -> Blob:
    blob = Blob(*row[:-1])
    if crc(blob.lasting) != row[-1]:
        raise CorruptRowError("the row of an image is not what was written")
    return blob


def drop_unwanted(db: DB, store: str, sha256: str) -> bool:
    """Mark a stored image that no job refers to as `deleting`; return whether it is. One on its way there is settled first."""
    db.execute(
        "UPDATE blobs SET state = 'deleting', owner = ''"
        " WHERE store = ? AND sha256 = ? AND state = 'stored' AND NOT EXISTS (SELECT 1 FROM jobs"
        " WHERE jobs.store = blobs.store AND jobs.sha256 = blobs.sha256 AND jobs.state IN ('uploading', 'stored'))",
        [store, sha256],
    )
    row = db.execute("SELECT state FROM blobs WHERE store = ? AND sha256 = ?", [store, sha256]).fetchone()
    return bool(row == ("deleting",))
