"""Splits a batch into what ClickHouse can store and what it can't, and a request that it refuses into halves.

The native path rarely rejects anything: what it can't hold it loses quietly. So records that ClickHouse would take but could
not keep are found here, while the request is still in its parsed form; they go to `dead_letters` with a reason, and their
neighbours are stored. Every part of a request keeps the resource and the scope of its records.
"""

import re
from collections.abc import Callable

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from chattrail.events import PREFIX as EVENT_PREFIX
from sidecar.otlp.attributes import is_empty
from sidecar.otlp.batch import Batch, name_of
from sidecar.otlp.salvage import RejectedRecord
from sidecar.otlp.wire import LOG_RECORDS, Origin, encode

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


def alone(record: LogRecord) -> bytes:
    """Return a request that holds this one record, without its resource and scope."""
    return Origin().request(encode(LOG_RECORDS, record.SerializeToString()))


def origin_of(entry: ResourceLogs, scope: ScopeLogs) -> Origin:
    """Return what the records of a scope share."""
    head = ResourceLogs(resource=entry.resource, schema_url=entry.schema_url)
    scope_head = ScopeLogs(scope=scope.scope, schema_url=scope.schema_url)
    return Origin(head.SerializeToString(), scope_head.SerializeToString())


def select(request: ExportLogsServiceRequest, wanted: Callable[[int], bool]) -> bytes:
    """Return a request with the records whose position, counted from 0 through the whole request, is wanted."""
    kept = ExportLogsServiceRequest()
    position = 0
    for entry in request.resource_logs:
        kept_entry = None
        for scope in entry.scope_logs:
            chosen = [record for offset, record in enumerate(scope.log_records, position) if wanted(offset)]
            position += len(scope.log_records)
            if chosen:
                kept_entry = kept_entry or kept.resource_logs.add(resource=entry.resource, schema_url=entry.schema_url)
                kept_entry.scope_logs.add(scope=scope.scope, schema_url=scope.schema_url, log_records=chosen)
    return bytes(kept.SerializeToString())


def halve(body: bytes) -> list[tuple[int, bytes]]:
    """Return the two halves of a request, each with the position of its first record; a single record comes back alone."""
    request = ExportLogsServiceRequest.FromString(body)
    count = sum(len(scope.log_records) for entry in request.resource_logs for scope in entry.scope_logs)
    if count <= 1:
        return [(0, body)]
    middle = count // 2
    return [(0, select(request, lambda at: at < middle)), (middle, select(request, lambda at: at >= middle))]
