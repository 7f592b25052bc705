"""What there is to archive: jobs made from events."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sidecar.otlp.attributes import AttributeValue
from sidecar.otlp.batch import EventRecord

EVENT_TYPES = frozenset({"image_generated"})


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to archive. `source` is a URL or file_id, and empty for bytes, which lie in the spool by event id."""

    event_id: str
    image_id: str
    user_id: str
    source_kind: str
    source: str
    created_at: datetime
    attempts: int = 0


def jobs_of(events: Iterable[EventRecord], received_at: datetime) -> dict[Job, bytes]:
    """Make a job of each event that names a picture, with the bytes where the event brought them; one for each id.

    Bytes win over a file_id, and that over a URL: what is at hand is surer than what must be fetched. An event without
    a source, with `error.type`, or without a valid id (the sink keeps it among the dead letters) makes no job.
    """
    found: dict[Job, bytes] = {}
    seen: set[str] = set()
    for event in events:
        event_id = _uuid(event.event_id)
        if event_id is None or event_id in seen or event.attributes.get("error.type"):
            continue
        data = event.attributes.get("chattrail.image.data")
        file_id = _text(event.attributes.get("chattrail.image.file_id"))
        url = _text(event.attributes.get("chattrail.image.url"))
        if isinstance(data, bytes) and data:
            kind, source = "data", ""
        elif file_id or url:
            kind, source = ("file_id", file_id) if file_id else ("url", url)
        else:
            continue
        seen.add(event_id)
        image_id = _text(event.attributes.get("chattrail.image.id"))
        job = Job(event_id, image_id, event.user_id, kind, source, received_at)
        found[job] = data if kind == "data" and isinstance(data, bytes) else b""
    return found


def _uuid(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _text(value: AttributeValue) -> str:
    return value if isinstance(value, str) else ""
