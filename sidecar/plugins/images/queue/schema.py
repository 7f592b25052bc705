"""The tables of the journal."""

from collections.abc import Sequence
from pathlib import Path

JOB_COLUMNS = (
    "event_id", "image_id", "user_id", "source_kind", "source", "created_at", "state", "reason", "attempts", "next_try",
    "owner", "store", "sha256", "spooled", "updated_at", "published_at", "crc",
)  # fmt: skip
OPEN = (
    "state IN ('pending', 'uploading')"  # of a job that has not ended; the indexes of schema.sql need these very words
)
BLOB_COLUMNS = ("store", "sha256", "key", "media_type", "bytes", "width", "height", "state", "owner", "crc")

SCHEMA = Path(__file__).with_suffix(".sql").read_text()


def inserting(table: str, columns: Sequence[str]) -> str:
    """Return what follows INSERT for a row of values in the order of `columns`."""
    return f"INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
