"""What there is to archive: jobs made from events, and the stored images (blobs) that jobs refer to."""

import uuid
import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sidecar.otlp.attributes import AttributeValue, text_of
from sidecar.otlp.batch import EventRecord

EVENT_TYPES = frozenset({"image_generated", "user_message", "bot_message", "message_edited"})
# in the bytes of every batch that names an image or file: most batches of messages name none
IMAGE_MARK, FILE_MARK = b"chattrail.image.", b"chattrail.file.id"


class Job(NamedTuple):
    """One image, or other file, to archive. `source` is a URL, or `bot/file_id` (`file_id` where the event does not name the
    bot), and empty for bytes, which lie in the spool by event id.

    `sha256` names the image whose upload was begun and not recorded, if any.
    """

    event_id: str
    image_id: str
    user_id: str
    source_kind: str
    source: str
    created_at: int
    attempts: int = 0
    sha256: str = ""

    @property
    def lasting(self) -> tuple[str | int, ...]:
        """The columns that never change."""
        return self[:6]


class Blob(NamedTuple):
    """An image at a store: `uploading` (the key is noted, the outcome not), `stored` or `deleting`."""

    store: str
    sha256: str
    key: str
    media_type: str
    bytes: int
    width: int
    height: int
    state: str = "uploading"
    owner: str = ""

    @property
    def lasting(self) -> tuple[str | int, ...]:
        """The columns that never change."""
        return self[:7]


def crc(lasting: Iterable[object]) -> int:
    """Checksum of the columns of a row that never change."""
    return zlib.crc32("\x1f".join(map(str, lasting)).encode("utf-8", "surrogatepass"))


def ms(time: datetime) -> int:
    """Return a time as jobs, the journal and the `images` table have it: Unix milliseconds."""
    return int(time.timestamp() * 1000)


def jobs_of(events: Iterable[EventRecord], received_at: datetime, *, files_max_bytes: int = 0) -> dict[Job, bytes]:
    """Make a job of each event that names an image, with the bytes where the event brought them; one for each id.

    Bytes win over a file_id, and that over a URL: what is at hand is surer than what must be fetched. An event without
    a source, with `error.type`, or without a valid id (the sink keeps it among the dead letters) makes no job.
    """
    found: dict[str, tuple[Job, bytes]] = {}
    for event in events:
        event_id = _uuid(event.event_id)
        if event_id is None or event_id in found or event.attributes.get("error.type"):
            continue
        image_id, file_id, url = (
            _text(event.attributes.get(f"chattrail.image.{name}")) for name in ("id", "file_id", "url")
        )
        data = event.attributes.get("chattrail.image.data")
        data = data if isinstance(data, bytes) else b""
        kind, source = "url", url
        if data:
            kind, source = "data", ""
        elif file_id:
            kind, source = "file_id", telegram_source(text_of(event.attributes.get("telegram.bot.id")), file_id)
        elif not url and files_max_bytes and (file_id := _file(event, files_max_bytes)):
            image_id = _text(event.attributes.get("chattrail.file.unique_id"))
            kind, source = "file", telegram_source(text_of(event.attributes.get("telegram.bot.id")), file_id)
        if source or data:
            found[event_id] = Job(event_id, image_id, event.user_id, kind, source, ms(received_at)), data
    return dict(found.values())


def _file(event: EventRecord, max_bytes: int) -> str:
    """Return the file_id of an event's file, "" where there is none, or one that is known to be too large."""
    size = event.attributes.get("chattrail.file.size")
    if isinstance(size, int) and size > max_bytes:
        return ""
    return _text(event.attributes.get("chattrail.file.id"))


def telegram_source(bot_id: str, file_id: str) -> str:
    """Return the source of a job by file_id, which only the bot that got it can use."""
    return f"{bot_id}/{file_id}" if bot_id.isdecimal() and file_id else file_id


def _uuid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _text(value: AttributeValue) -> str:
    return value if isinstance(value, str) else ""
