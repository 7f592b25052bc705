"""OTLP/JSON to the protobuf form, so that everything after the receiver knows one form only.

A record that can't be converted costs itself only: it is set aside as the JSON of a request that holds just it, with its
resource and scope as they came. A fault of a resource or a scope concerns all its records. What stands where records should
be and is not a record is set aside as well: an answer of 200 never stands for less than what was sent.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from sidecar.errors import MalformedError
from sidecar.otlp.json_message import fields_of, fill
from sidecar.otlp.json_text import Doubled, read, write
from sidecar.otlp.salvage import RejectedRecord, Salvaged

REASON = "the record can't be read: "
# Each letter repeats its resource and scope. Above this many times the body, one letter takes all records of a fault.
REPEATED = 4
LETTER_BYTES = 256  # what a letter takes beside that


def convert(body: bytes) -> Salvaged:
    """Convert an OTLP/JSON ExportLogsServiceRequest. Raises MalformedError, without contents, when it is none."""
    return read(body, lambda document: _Conversion(REPEATED * len(body) + (64 << 10)).run(document))


def is_json(raw: bytes) -> bool:
    """Whether a dead letter's record is JSON: no request in protobuf begins with this byte."""
    return raw.startswith(b"{")


def legible(raw: bytes) -> ExportLogsServiceRequest:
    """Return a dead letter's JSON as far as it can be read: attributes with a fault are left out."""
    return read(raw, _legible)


@dataclass(frozen=True, slots=True)
class _Part:
    """An object of the request: what it has beside its children, those, and its fault."""

    head: Doubled
    children: list[Any] | None  # None: none can be found
    fault: str


@dataclass(frozen=True, slots=True)
class _Dead:
    position: int
    reason: str
    scope: _Part
    record: object


@dataclass(slots=True)
class _Conversion:
    budget: int  # bytes of letters that may be spent on repeating
    request: ExportLogsServiceRequest = field(default_factory=ExportLogsServiceRequest)
    unreadable: list[RejectedRecord] = field(default_factory=list)
    positions: Iterator[int] = field(default_factory=itertools.count)

    def run(self, document: object) -> Salvaged:
        if not isinstance(document, dict):
            raise MalformedError("body: expected an object")
        known = fields_of(ExportLogsServiceRequest.DESCRIPTOR)
        if document and known.keys().isdisjoint(document):
            raise MalformedError("the body has no key of an OTLP logs request: resourceLogs is missing")
        for key, entries in document.items():
            if key in known and entries is not None:
                if not isinstance(entries, list):
                    raise MalformedError("body.resourceLogs: expected an array")
                for entry in entries:
                    self._entry(entry)
        return Salvaged(self.request.SerializeToString(deterministic=True), tuple(self.unreadable))

    def _entry(self, document: object) -> None:
        message = self.request.resource_logs.add()
        entry = _parted(message, document, "scope_logs", depth=2)
        dead: list[_Dead] = []
        if entry.children is None:
            self._reject({"resourceLogs": [document]}, next(self.positions), entry.fault)
        for scope_document in entry.children or ():
            scope_message = message.scope_logs.add()
            scope = _parted(scope_message, scope_document, "log_records", depth=3)
            if scope.children is None:
                document = {"resourceLogs": [_with(entry, "scopeLogs", [scope_document])]}
                self._reject(document, next(self.positions), scope.fault)
            for record in scope.children or ():
                position = next(self.positions)
                if reason := entry.fault or scope.fault or _add(scope_message, record):
                    dead.append(_Dead(position, reason, scope, record))
            if scope.fault:
                del message.scope_logs[-1]
        if entry.fault:
            del self.request.resource_logs[-1]
        self._set_aside(entry, dead)

    def _set_aside(self, entry: _Part, dead: list[_Dead]) -> None:
        """Make letters of an entry's records: one for each, or one for each fault where that would repeat too much."""
        sizes = {id(part): len(write(part.head)) for part in (entry, *(one.scope for one in dead))} if dead else {}
        cost = sum(LETTER_BYTES + sizes[id(entry)] + sizes[id(one.scope)] for one in dead)
        groups = [[one] for one in dead]
        if cost > self.budget:
            reason = attrgetter("reason")
            groups = [list(group) for _, group in itertools.groupby(sorted(dead, key=reason), reason)]
        else:
            self.budget -= cost
        for group in groups:
            scopes = [
                _with(records[0].scope, "logRecords", [one.record for one in records])
                for records in (list(found) for _, found in itertools.groupby(group, lambda one: id(one.scope)))
            ]
            document = {"resourceLogs": [_with(entry, "scopeLogs", scopes)]}
            self._reject(document, group[0].position, group[0].reason, len(group))

    def _reject(self, document: object, position: int, reason: str, records: int = 1) -> None:
        self.unreadable.append(RejectedRecord(position, REASON + reason, write(document), records))


def _parted(message: Message, document: object, repeated: str, depth: int) -> _Part:
    """Part an object from its children, and fill the message with what it has beside them."""
    if not isinstance(document, dict):
        return _Part(Doubled([]), None, "expected an object")
    fields = fields_of(message.DESCRIPTOR)
    head: list[tuple[str, Any]] = []
    children: list[Any] = []
    for key, value in document.items():
        known = fields.get(key)
        if known is None or known.name != repeated:
            head.append((key, value))
        elif isinstance(value, list):
            children += value
        elif value is not None:
            return _Part(Doubled([]), None, f"{known.json_name}: expected an array")
    if not children and any(key not in fields for key, _ in head):
        return _Part(Doubled([]), None, f"no {repeated}, and keys that OTLP does not know")
    part = _Part(Doubled(head), children, "")
    try:
        fill(message, part.head, depth)
    except MalformedError as fault:
        return replace(part, fault=str(fault))
    return part


def _with(part: _Part, key: str, children: list[Any]) -> Doubled:
    return Doubled([*part.head.items(), (key, children)])


def _add(scope: ScopeLogs, document: object) -> str:
    """Convert a record into the scope; return what is wrong with it, and leave it out then."""
    record = scope.log_records.add()
    try:
        fill(record, document, 4)
        if isinstance(document, dict) and document and fields_of(LogRecord.DESCRIPTOR).keys().isdisjoint(document):
            raise MalformedError("it has keys, and none that OTLP knows")
    except MalformedError as fault:
        del scope.log_records[-1]
        return str(fault)
    return ""


def _legible(document: Any) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    entry = request.resource_logs.add()
    for given in _objects(document, "resourceLogs", "resource_logs"):
        for resource in _objects({"one": [given.get("resource")]}, "one"):
            _attributes(entry.resource.attributes, resource)
        for scope in _objects(given, "scopeLogs", "scope_logs"):
            for record in _objects(scope, "logRecords", "log_records"):
                _attributes(entry.scope_logs.add().log_records.add().attributes, record)
    return request


def _objects(document: Any, *keys: str) -> Iterator[dict[str, Any]]:
    """Yield what are objects in the arrays of these keys."""
    for key in keys:
        values = document.get(key)
        yield from (value for value in (values if isinstance(values, list) else ()) if isinstance(value, dict))


def _attributes(target: Any, document: dict[str, Any]) -> None:
    for given in _objects(document, "attributes"):
        pair = KeyValue()
        try:
            fill(pair, given, 5)
        except MalformedError:
            continue
        target.append(pair)
