"""What a delivery looks like: JSON that is the same for the same events, and its signature."""

import hashlib
import hmac
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from chattrail.events import COMMON, EVENT_TYPES, attributes_of
from sidecar.otlp.attributes import AttributeValue
from sidecar.otlp.batch import EventRecord

EVENTS_IN_ONE = 100
SIGNATURE = "Chattrail-Signature"
DELIVERY = "Chattrail-Delivery"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD_ABOVE = frozenset({"event.id", "user.id"})
_OPEN = frozenset(
    attribute.name
    for attribute in (*COMMON, *(one for event in EVENT_TYPES.values() for one in attributes_of(event).values()))
    if not attribute.private
)


def bodies(events: list[EventRecord], *, message_text: bool) -> Iterator[bytes]:
    """Make the bodies that carry these events, each small enough for one request."""
    for first in range(0, len(events), EVENTS_IN_ONE):
        content = {"events": [_event(event, message_text) for event in events[first : first + EVENTS_IN_ONE]]}
        yield json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def delivery_id(body: bytes) -> str:
    """Name a delivery: attempts, and an event that came twice in the same company, have the same name."""
    return hashlib.sha256(body).hexdigest()[:32]


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the header `t=<Unix seconds>,v1=<hex>`: HMAC-SHA256 over the time, a dot and the body."""
    signed = hmac.new(secret.encode(), b"%d." % timestamp + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


def _event(event: EventRecord, message_text: bool) -> dict[str, AttributeValue]:
    # a name that the vocabulary does not know may hold anything: it counts as private
    attributes = {
        name: _plain(value)
        for name, value in event.attributes.items()
        if name not in _TOLD_ABOVE and (message_text or name in _OPEN) and not isinstance(value, bytes)
    }
    return {
        "id": event.event_id,
        "type": event.type,
        "at": (_EPOCH + timedelta(microseconds=event.timestamp // 1000)).isoformat(timespec="microseconds"),
        "user_id": event.user_id,
        "service": _plain(event.resource.get("service.name")),
        "instance": _plain(event.resource.get("service.instance.id")),
        "attributes": attributes,
    }


def _plain(value: AttributeValue) -> AttributeValue:
    """Leave out what JSON can't hold: bytes, NaN and the infinities become null."""
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value
