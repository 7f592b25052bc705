"""Finds records that ClickHouse would take but could not keep, while the request is still in its parsed form.

The native path rarely rejects anything: what it can't hold it loses quietly. So such records are found here;
they go to `dead_letters` with a reason, and their neighbours are stored.
"""

import re

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from chattrail.events import PREFIX as EVENT_PREFIX
from sidecar.otlp.attributes import is_empty
from sidecar.otlp.batch import Batch, name_of
from sidecar.otlp.salvage import RejectedRecord
from sidecar.plugins.clickhouse.split import alone, origin_of, select

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# An update that nobody sent, such as a channel's post, may fail in the bot like any other.
WITHOUT_A_PERSON = frozenset({"handler_failed"})


def validate(batch: Batch) -> tuple[bytes | None, list[RejectedRecord]]:
    """Return the bytes to insert (None when no record is left) and the records turned away.

    A clean batch keeps its exact bytes, and so its token. The loop runs for every record, so it looks at as little as it can.
    """
    dead = list(batch.unreadable)
    readable = batch.record_count - sum(letter.records for letter in dead)
    unreadable = {one.position for one in dead}
    places = [place for place in range(batch.record_count) if place not in unreadable]
    faulty: set[int] = set()
    position = 0
    for entry in batch.request.resource_logs:
        for scope in entry.scope_logs:
            origin = None
            for record in scope.log_records:
                name = batch.name_of(record)
                if name.startswith(EVENT_PREFIX) and (reason := _event_fault(record)):
                    origin = origin or origin_of(entry, scope)
                    dead.append(RejectedRecord(places[position], reason, alone(record), origin=origin, event_name=name))
                    faulty.add(position)
                position += 1
    if len(faulty) == readable:
        return None, dead
    return select(batch.request, lambda at: at not in faulty) if faulty else batch.body, dead


def _event_fault(record: LogRecord) -> str | None:
    type_ = name_of(record).removeprefix(EVENT_PREFIX)
    if not type_:
        return "the event name has no type after the prefix"
    identity = _first(record, "event.id")  # the tracker writes it first
    if identity is None:
        return "event.id is missing"
    if not UUID_TEXT.fullmatch(identity.string_value):
        return "event.id is not a UUID"
    return _person_fault(record, required=type_ not in WITHOUT_A_PERSON)


def _person_fault(record: LogRecord, *, required: bool) -> str | None:
    for key in ("user.id", "user.hash"):
        value = _first(record, key)
        if value is None or is_empty(value):
            continue
        return (
            None
            if value.WhichOneof("value") in ("string_value", "int_value")
            else f"{key} is neither text nor an integer"
        )
    return "user.id is missing" if required else None


def _first(record: LogRecord, key: str) -> AnyValue | None:
    """Return the first value of a key: a lookup in ClickHouse's maps takes the first one, too."""
    return next((pair.value for pair in record.attributes if pair.key == key), None)
