"""The rows of the table that are about images; numbers as in docs/reliability.md."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import image_fault_injectors as injectors
from tests.faults.image_fault_injectors import ImageInjector
from tests.faults.image_stores import Bucket, Cloudflare, Folder, ImageStore


@dataclass(frozen=True, slots=True)
class ImageFault:
    """One row. `sources`: where its images come from, by name in `image_sources`."""

    row: int
    name: str
    inject: ImageInjector
    store: Callable[[Path], ImageStore] = Cloudflare
    sources: str = "bytes"
    often: int = 3  # faults in a full run
    lasts_s: float = 3.0
    own_disk: bool = False
    drafts: bool = False  # drafts without bytes, whose id no response named, may be left
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.row}: {self.name}"


def answers(*kinds: str, route: str = "*", **given: Any) -> list[dict[str, Any]]:
    """Orders to Cloudflare's double."""
    return [{"kind": kind, "route": route, **given} for kind in kinds]


ERRORS: list[dict[str, Any]] = [
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

IMAGE_FAULTS = (
    ImageFault(17, "disk of journal and spool full", injectors.journal_disk_full, Folder, own_disk=True, often=2),
    ImageFault(20, "journal damaged, sidecar killed", injectors.journal_damaged(""), Folder, often=2),
    ImageFault(20, "what the journal has in its WAL damaged, sidecar killed", injectors.journal_damaged("-wal"), Folder, often=2),
    ImageFault(24, "bombs among the pictures", injectors.nothing_more, Folder, "bombs", often=1, settings=FEW),
    ImageFault(27, "Cloudflare takes uploads and never answers", injectors.refused(*answers("hang", route="upload"), count=4),
                 settings=PATIENT),
    ImageFault(27, "Cloudflare answers 429", injectors.too_many_requests),
    ImageFault(27, "Cloudflare answers 5xx, proxies answer with pages", injectors.refused(*ERRORS), settings=PATIENT),
    # a draft whose response comes too late is one whose id no response named
    ImageFault(27, "Cloudflare's answers cut, lost, late", injectors.refused(*CUT), drafts=True, settings=PATIENT),
    ImageFault(27, "answers to drafts lost", injectors.refused(*answers("lost", route="direct_upload"), count=4), drafts=True,
                 settings=PATIENT),
    ImageFault(27, "S3 cut off, refusing, or its replies lost", injectors.bucket_away(), Bucket, settings=PATIENT),
    ImageFault(28, "sidecar killed between draft, upload, confirmation, record and page", injectors.killed_at_each_point(),
                 often=len(injectors.POINTS), drafts=True),
    ImageFault(28, "sidecar killed at random, Cloudflare", injectors.killed_at_random, often=5, drafts=True),
    ImageFault(28, "sidecar killed at random, S3", injectors.killed_at_random, Bucket, often=5),
    ImageFault(28, "sidecar killed at random, directory", injectors.killed_at_random, Folder, often=5),
    ImageFault(29, "hosts that trickle, never end, reset", injectors.nothing_more, Folder, "hosts", often=1, settings=FEW),
    ImageFault(30, "file_ids that Telegram no longer knows", injectors.nothing_more, Folder, "telegram",
                 often=1, settings=FEW),
)  # fmt: skip
