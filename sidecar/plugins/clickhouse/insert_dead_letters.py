"""Records that could not be stored, kept in `dead_letters` with the reason, whose number they had, and the raw record.

A resource or scope of more than a few bytes is kept once, in `dead_letter_origins`, and not with each of its records.
"""

import uuid
from collections.abc import Sequence

from clickhouse_connect.driver.asyncclient import AsyncClient
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from sidecar.errors import MalformedError
from sidecar.otlp.attributes import AttributeValue, value_of
from sidecar.otlp.json_request import is_json, legible
from sidecar.otlp.salvage import RejectedRecord
from sidecar.otlp.wire import LOG_RECORDS, Origin, contents, encode
from sidecar.plugins.clickhouse.rows import insert_rows

COLUMNS = ["reason", "event_name", "batch", "position", "raw", "origin", "service_name", "instance_id", "sequence"]
SEQUENCE_MAX = 2**64 - 1
INLINE_BYTES = 2048  # a resource and scope up to this is kept with each record
ATTRIBUTE_BYTES = 1024
RESOURCE, RESOURCE_ATTRIBUTES, RECORD_ATTRIBUTES, KEY = 1, 1, 6, 1  # field numbers


async def insert_dead_letters(client: AsyncClient, letters: Sequence[RejectedRecord], batch: str) -> None:
    """Commit letters of one batch; the same again changes nothing. Raises the driver's errors."""
    processes: dict[Origin, tuple[str, str]] = {}
    large: dict[str, bytes] = {}
    rows = []
    for letter in letters:
        raw, origin, reference = letter.raw, letter.origin, ""
        readable = bytes(legible(raw).SerializeToString()) if is_json(raw) else raw
        number = _number(readable)
        if origin is None:
            process = _process(readable)
        else:
            process = processes.get(origin) or processes.setdefault(origin, _process(origin.request(b"")))
            if origin.size > INLINE_BYTES:
                reference = origin.digest
                large.setdefault(reference, origin.request(b""))
            else:
                raw = whole(raw, origin)
        rows.append([letter.reason, letter.event_name, batch, letter.position, raw, reference, *process, number])
    if large:  # first, so that no letter refers to what isn't there
        # Another token each time: what a replay has deleted meanwhile is to be back. Their digest keeps them single.
        settings = {"async_insert": 0, "insert_deduplication_token": uuid.uuid4().hex}
        await insert_rows(client, "dead_letter_origins", list(large.items()), ["digest", "raw"], settings)
    settings = {"async_insert": 0, "insert_deduplication_token": f"{batch}:dead"}
    await insert_rows(client, "dead_letters", rows, COLUMNS, settings)


def whole(raw: bytes, origin: Origin) -> bytes:
    """Put a record back into its resource and scope."""
    return origin.request(Origin.of(raw)[1])


def _process(raw: bytes) -> tuple[str, str]:
    """Service and process that the resource names, as far as it can be read: loss accounting knows records by them."""
    head = Origin.of(raw)[0].head
    for _, start, end in contents(head, 0, len(head), RESOURCE):
        names = (
            _attribute(head, start, end, RESOURCE_ATTRIBUTES, key) for key in ("service.name", "service.instance.id")
        )
        service, instance = (name if isinstance(name, str) else "" for name in names)
        return service, instance
    return "", ""


def _number(raw: bytes) -> int:
    """The record's number in its process, 0 when it has none or can't be read."""
    records = Origin.of(raw)[1]
    for _, start, end in contents(records, 0, len(records), LOG_RECORDS):
        sequence = _attribute(records, start, end, RECORD_ATTRIBUTES, "event.sequence")
        return sequence if isinstance(sequence, int) and 0 < sequence <= SEQUENCE_MAX else 0
    return 0


def _attribute(message: bytes, start: int, end: int, number: int, key: str) -> AttributeValue:
    """The value of a resource's or a record's attribute, which themselves may be too much to parse; None where it can't be read."""
    wanted = encode(KEY, key.encode())
    try:
        for _, begin, stop in contents(message, start, end, number):
            if stop - begin < ATTRIBUTE_BYTES and message[begin:stop].startswith(wanted):
                return value_of(KeyValue.FromString(message[begin:stop]).value)
    except (MalformedError, DecodeError):
        pass
    return None
