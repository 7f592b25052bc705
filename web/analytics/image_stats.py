"""How the archive of pictures stands: what is kept, what waits, and what was given up for which reason."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FailureReason:
    """How many pictures could not be archived for a reason."""

    reason: str
    pictures: int


@dataclass(frozen=True, slots=True)
class Archive:
    """The archive of pictures now, whatever the range. `bytes` counts what came with several events once."""

    archived: int
    pending: int
    failed: int
    erased: int
    bytes: int
    oldest_pending_at: datetime | None
    failures: tuple[FailureReason, ...]
