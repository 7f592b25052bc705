"""Finds records that ClickHouse would take but could not keep, while the request is still in its parsed form.

The native path rarely rejects anything: what it can't hold it loses quietly. So this is where such records are told apart;
they go to `dead_letters` with a reason, and their neighbours are stored.
"""

import re
from dataclasses import dataclass

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.batch import EVENT_PREFIX, Batch
from sidecar.plugins.clickhouse.dead_letters import DeadLetter
from sidecar.plugins.clickhouse.split import alone, origin_of, select

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Screened:
    """What is left of a batch: the bytes to insert (None when no record is left) and the records turned away."""

    body: bytes | None
    dead: list[DeadLetter]


def screen(batch: Batch) -> Screened:
    """Split a batch into what can be stored and what can't. A clean batch keeps its exact bytes, and so its token."""
    faults = _faults(batch.request)
    dead = [DeadLetter(one.position, "", one.reason, one.raw, one.origin) for one in batch.unreadable]
    readable = batch.record_count - len(dead)
    if not faults:
        return Screened(batch.body if readable else None, dead)
    unreadable = {one.position for one in batch.unreadable}
    places = [place for place in range(batch.record_count) if place not in unreadable]
    position = 0
    for entry in batch.request.resource_logs:
        for scope in entry.scope_logs:
            origin = None
            for record in scope.log_records:
                if reason := faults.get(position):
                    origin = origin or origin_of(entry, scope)
                    dead.append(DeadLetter(places[position], record.event_name, reason, alone(record), origin))
                position += 1
    kept = select(batch.request, lambda at: at not in faults) if len(faults) < readable else None
    return Screened(kept, dead)


def _faults(request: ExportLogsServiceRequest) -> dict[int, str]:
    """Map the position of each unusable record to the reason. Runs for every record, so it looks at as little as it can."""
    faults = {}
    position = 0
    for entry in request.resource_logs:
        for scope in entry.scope_logs:
            for record in scope.log_records:
                if record.event_name.startswith(EVENT_PREFIX) and (reason := _event_fault(record)):
                    faults[position] = reason
                position += 1
    return faults


def _event_fault(record: LogRecord) -> str | None:
    if len(record.event_name) == len(EVENT_PREFIX):
        return "the event name has no type after the prefix"
    for pair in record.attributes:  # the tracker writes it first
        if pair.key == "event.id":
            return None if UUID_TEXT.fullmatch(pair.value.string_value) else "event.id is not a UUID"
    return "event.id is missing"
