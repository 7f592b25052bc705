"""The content of an account: drafts that wait for their bytes, and images."""

import hashlib
import io
import json
import uuid
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from stack.simulators.cloudflare.wire import RefusedError

LARGEST_BYTES = 10_000_000  # the documentation says 10 MB
LONGEST_SIDE = 12_000
MOST_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
UPLOAD_WITHIN = timedelta(minutes=30)
SOONEST, LATEST = timedelta(minutes=2), timedelta(hours=6)


@dataclass(slots=True)
class Record:
    """A draft, until `content` is there."""

    id: str
    private: bool
    expires: float
    created: float
    metadata: dict[str, Any] = field(default_factory=dict)
    filename: str = ""
    content_type: str = ""
    content: bytes | None = None

    def as_json(self, delivery: str, variants: Iterable[str]) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "id": self.id,
            "filename": self.filename,
            "meta": self.metadata,
            "uploaded": datetime.fromtimestamp(self.created, UTC).isoformat(timespec="milliseconds"),
            "requireSignedURLs": self.private,
            "variants": [f"{delivery}/{self.id}/{variant}" for variant in variants],
            **({"draft": True} if self.content is None else {}),
        }

    def summary(self) -> dict[str, Any]:
        """Return what a test compares."""
        digest = "" if self.content is None else hashlib.sha256(self.content).hexdigest()
        return {"id": self.id, "draft": not digest, "private": self.private, "meta": self.metadata, "sha256": digest}


class Images:
    """The records of one account, by id. With a `folder` the images are there again the next time; drafts are not."""

    def __init__(self, folder: Path | None = None) -> None:
        self.records: dict[str, Record] = {}
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob("*.json"):
                record = Record(**json.loads(path.read_text()), content=path.with_suffix(".picture").read_bytes())
                self.records[record.id] = record

    def draft(self, *, private: bool, metadata: dict[str, Any], expiry: str, custom_id: str, now: float) -> Record:
        """Begin an image. Raises RefusedError for what the documentation forbids."""
        if custom_id and private:
            raise RefusedError(5400, message="An image with a custom id cannot require signed URLs")
        if custom_id in self.records:
            raise RefusedError(5409)
        expires = now + UPLOAD_WITHIN.total_seconds()
        if expiry:
            try:
                expires = datetime.fromisoformat(expiry).timestamp()
            except ValueError:
                raise RefusedError(5400, message="expiry is not a time") from None
            if not SOONEST.total_seconds() <= expires - now <= LATEST.total_seconds():
                raise RefusedError(5400, message="expiry must be 2 minutes to 6 hours ahead")
        record = Record(custom_id or str(uuid.uuid4()), private, expires, now, metadata)
        self.records[record.id] = record
        return record

    def find(self, image_id: str) -> Record:
        """Return a draft or an image. Raises RefusedError."""
        try:
            return self.records[image_id]
        except KeyError:
            raise RefusedError(5404) from None

    def fill(self, image_id: str, content: bytes, filename: str, now: float) -> Record:
        """Take the bytes of a draft, once. Raises RefusedError."""
        record = self.find(image_id)
        if record.content is not None:
            raise RefusedError(5409)
        if now >= record.expires:
            raise RefusedError(5400, message="The upload URL has expired")
        record.content_type = _checked(content)
        record.content, record.filename, record.created = content, filename, now
        if self._folder is not None:
            self._path(image_id, "picture").write_bytes(content)
            fields = {name: getattr(record, name) for name in Record.__slots__ if name != "content"}
            self._path(image_id, "json").write_text(json.dumps(fields))  # last: only a whole image is found again
        return record

    def remove(self, image_id: str) -> None:
        """Delete a draft or an image. Raises RefusedError."""
        self.find(image_id)
        del self.records[image_id]
        for kind in ("json", "picture") if self._folder is not None else ():
            self._path(image_id, kind).unlink(missing_ok=True)

    def finished(self) -> list[Record]:
        """Return the images; drafts are in no list."""
        return [record for record in self.records.values() if record.content is not None]

    def _path(self, image_id: str, kind: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{quote(image_id, safe='')}.{kind}"


def _checked(content: bytes) -> str:
    if len(content) > LARGEST_BYTES:
        raise RefusedError(5413)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
                kind = Image.MIME[image.format or ""]
    except (Image.DecompressionBombError, OSError, SyntaxError):
        raise RefusedError(5455) from None
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise RefusedError(5413, message=f"The image is larger than {LONGEST_SIDE} pixels a side or 100 megapixels")
    return kind
