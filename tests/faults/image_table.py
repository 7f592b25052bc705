"""The rows of the table that are about pictures; numbers as in docs/reliability.md."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import image_fault_injectors as strikes
from tests.faults.image_fault_injectors import PictureStrike
from tests.faults.image_stores import Bucket, Cloudflare, Folder, Shelf


@dataclass(frozen=True, slots=True)
class PictureFault:
    """One row. `sources`: where its pictures come from, by name in `picture_sources`."""

    row: int
    name: str
    strike: PictureStrike
    shelf: Callable[[Path], Shelf] = Cloudflare
    sources: str = "bytes"
    often: int = 3  # strikes in a full run
    lasts_s: float = 3.0
    own_disk: bool = False
    drafts: bool = False  # drafts without bytes, whose id nobody was told, may be left
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.row}: {self.name}"


def answers(*kinds: str, route: str = "*", **given: Any) -> list[dict[str, Any]]:
    """Orders to Cloudflare's double."""
    return [{"kind": kind, "route": route, **given} for kind in kinds]


ERRORS = [
    *({"kind": "error", "route": route, "code": code}
      for route, codes in {"direct_upload": (5500, 5503, 5542), "upload": (5408, 5450, 5540, 5503), "details": (5500, 5550)}.items()
      for code in codes),
    *({"kind": "page", "route": route, "status": 502} for route in ("direct_upload", "upload", "details")),
]  # fmt: skip
CUT = [
    *answers("cut", "slow", route="direct_upload", seconds=0.5),
    *answers("cut", "lost", "slow", route="upload", seconds=0.5),
    *answers("cut", "lost", "slow", route="details", seconds=0.5),
]
PATIENT = {"IMAGES_ATTEMPTS": "30"}
FEW = {"IMAGES_ATTEMPTS": "2"}

PICTURE_FAULTS = (
    PictureFault(17, "disk of journal and spool full", strikes.journal_disk_full, Folder, own_disk=True, often=2),
    PictureFault(20, "journal damaged, sidecar killed", strikes.journal_damaged(""), Folder, often=2),
    PictureFault(20, "what the journal has in its WAL damaged, sidecar killed", strikes.journal_damaged("-wal"), Folder, often=2),
    PictureFault(24, "bombs among the pictures", strikes.nothing_more, Folder, "bombs", often=1, settings=FEW),
    PictureFault(27, "Cloudflare takes uploads and never answers", strikes.refused(*answers("hang", route="upload"), count=4),
                 settings=PATIENT),
    PictureFault(27, "Cloudflare answers 429", strikes.too_many_requests),
    PictureFault(27, "Cloudflare answers 5xx, proxies answer with pages", strikes.refused(*ERRORS), settings=PATIENT),
    # a draft whose answer comes too late is one that nobody was told of
    PictureFault(27, "Cloudflare's answers cut, lost, late", strikes.refused(*CUT), drafts=True, settings=PATIENT),
    PictureFault(27, "answers to drafts lost", strikes.refused(*answers("lost", route="direct_upload"), count=4), drafts=True,
                 settings=PATIENT),
    PictureFault(27, "S3 cut off, refusing, or its replies lost", strikes.bucket_away(), Bucket, settings=PATIENT),
    PictureFault(28, "sidecar killed between draft, upload, confirmation, record and page", strikes.killed_at_each_point(),
                 often=len(strikes.POINTS), drafts=True),
    PictureFault(28, "sidecar killed at random, Cloudflare", strikes.killed_at_random, often=5, drafts=True),
    PictureFault(28, "sidecar killed at random, S3", strikes.killed_at_random, Bucket, often=5),
    PictureFault(28, "sidecar killed at random, directory", strikes.killed_at_random, Folder, often=5),
    PictureFault(29, "hosts that trickle, never end, reset", strikes.nothing_more, Folder, "hosts", often=1, settings=FEW),
    PictureFault(30, "file_ids that Telegram no longer knows", strikes.nothing_more, Folder, "telegram",
                 often=1, settings=FEW),
)  # fmt: skip
