"""One OTLP request on its way through the plugins: the exact bytes, the parsed form, and events decoded on demand."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Self

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from chattrail.events import PREFIX as EVENT_PREFIX
from sidecar.errors import MalformedError
from sidecar.otlp.attributes import AttributeValue, attributes_of, is_empty, text_of
from sidecar.otlp.json_request import convert
from sidecar.otlp.pieces import Piece
from sidecar.otlp.salvage import RejectedRecord, salvage
from sidecar.telemetry.loop_guard import SERVICE_NAME

# Where SDKs put an event's name before OTLP had a field for it, the surer one first.
NAME_ATTRIBUTES = ("otel.event.name", "event.name")


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One analytics event, decoded. `type` comes without the prefix, `timestamp` is in Unix nanoseconds."""

    type: str
    event_id: str
    user_id: str
    timestamp: int
    attributes: dict[str, AttributeValue]
    resource: dict[str, AttributeValue]


class Batch:
    """An accepted ExportLogsServiceRequest. `body` is the inflated protobuf as it came (OTLP/JSON is converted).

    Records that can't be read are in neither `body` nor `request` but in `unreadable`. A required plugin counts in `rejected`,
    by reason and without contents, the records that go to dead letters: their sender gets the number.
    """

    def __init__(
        self,
        body: bytes,
        request: ExportLogsServiceRequest,
        received_at: datetime,
        unreadable: tuple[RejectedRecord, ...] = (),
        *,
        mended: int = 0,
    ) -> None:
        self.body = body
        self.request = request
        self.received_at = received_at
        self.unreadable = unreadable
        self.rejected: Counter[str] = Counter()
        self.held_bytes = len(body)  # about what it takes in memory; of pieces with the parsed form
        self.mended = mended  # scopes with a text that was not UTF-8, stored with U+FFFD in its place
        self._decoded: dict[frozenset[str], list[EventRecord]] = {}

    @classmethod
    def parse(cls, body: bytes, received_at: datetime) -> Self:
        """Parse an inflated protobuf body. Raises MalformedError when it is not an ExportLogsServiceRequest."""
        try:
            return cls(body, ExportLogsServiceRequest.FromString(body), received_at)
        except DecodeError:
            saved = salvage(body)
        try:
            request = ExportLogsServiceRequest.FromString(saved.body)
        except DecodeError as error:
            # upb's message names the message type and the fault, never the contents
            raise MalformedError(f"the body is not an OTLP ExportLogsServiceRequest: {error}") from None
        batch = cls(saved.body, request, received_at, saved.unreadable, mended=saved.mended)
        batch.digest = hashlib.sha256(body).hexdigest()
        return batch

    @classmethod
    def of(cls, piece: Piece, received_at: datetime) -> Self:
        """Parse a piece of a request. Raises MalformedError when it is not an ExportLogsServiceRequest."""
        if piece.unreadable:
            batch = cls(b"", ExportLogsServiceRequest(), received_at, piece.unreadable)
        else:
            batch = cls.parse(piece.body, received_at)
        if piece.digest:
            batch.digest = piece.digest
        batch.held_bytes = len(piece.body) + piece.parsed_bytes
        return batch

    @classmethod
    def from_json(cls, body: bytes, received_at: datetime) -> Self:
        """Convert an inflated OTLP/JSON body. Raises MalformedError when it is not an ExportLogsServiceRequest."""
        converted = convert(body)
        request = ExportLogsServiceRequest.FromString(converted.body)
        return cls(converted.body, request, received_at, converted.unreadable)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the whole body in hex: the same bytes sent again have the same digest, and so the same insert token."""
        digest = hashlib.sha256(self.body)
        for record in self.unreadable:
            digest.update((record.origin.digest if record.origin else "").encode() + record.raw)
        return digest.hexdigest()

    @cached_property
    def record_count(self) -> int:
        """How many log records of any kind came with the request."""
        readable = sum(len(scope.log_records) for entry in self.request.resource_logs for scope in entry.scope_logs)
        return readable + sum(one.records for one in self.unreadable)

    @cached_property
    def is_own(self) -> bool:
        """Whether it holds a sidecar's own telemetry and nothing else."""
        entries = self.request.resource_logs
        return bool(entries) and not self.unreadable and all(is_own(entry) for entry in entries)

    def by_origin(self) -> list["Batch"]:
        """Split records of senders from those of a sidecar: the collector puts both into one request.

        The same body is always split into the same bodies, so a resend stays one. With unreadable records, which are
        known by their place in the whole, it stays whole.
        """
        own = [entry for entry in self.request.resource_logs if is_own(entry)]
        others = [entry for entry in self.request.resource_logs if not is_own(entry)]
        if not own or not others or self.unreadable:
            return [self]
        parts = []
        for name, entries in (("others", others), ("own", own)):
            request = ExportLogsServiceRequest(resource_logs=entries)
            part = Batch(request.SerializeToString(), request, self.received_at)
            part.held_bytes = self.held_bytes
            part.digest = hashlib.sha256(f"{self.digest}:{name}".encode()).hexdigest()
            parts.append(part)
        return parts

    @cached_property
    def types(self) -> frozenset[str]:
        """The types of the analytics events in it, without decoding any."""
        return frozenset(
            name.removeprefix(EVENT_PREFIX)
            for record in records_of(self.request)
            if (name := self.name_of(record)).startswith(EVENT_PREFIX)
        )

    def name_of(self, record: LogRecord) -> str:
        """Return the event name of one of its records, from an attribute where the field is empty. The views do the same."""
        return record.event_name or (name_of(record) if self._may_name_by_attribute else "")

    @cached_property
    def _may_name_by_attribute(self) -> bool:
        # one look at the bytes spares every log without a name the search through its attributes
        return NAME_ATTRIBUTES[-1].encode() in self.body

    def holds(self, types: frozenset[str] | None) -> bool:
        """Whether it holds an event of these types; None stands for every batch."""
        return types is None or not types.isdisjoint(self.types)

    def events(self, types: frozenset[str]) -> list[EventRecord]:
        """Decode the analytics events of these types, in the order of the request; the result is kept and shared."""
        if types not in self._decoded:
            self._decoded[types] = self._decode({EVENT_PREFIX + name for name in types})
        return self._decoded[types]

    def _decode(self, names: set[str]) -> list[EventRecord]:
        found: list[EventRecord] = []
        for entry in self.request.resource_logs:
            resource: dict[str, AttributeValue] | None = None
            for scope in entry.scope_logs:
                for record in scope.log_records:
                    name = self.name_of(record)
                    if name not in names:
                        continue
                    if resource is None:
                        resource = attributes_of(entry.resource.attributes)
                    found.append(_event(record, name, resource))
        return found


def records_of(request: ExportLogsServiceRequest) -> Iterator[LogRecord]:
    """Yield every record of a request."""
    return (record for entry in request.resource_logs for scope in entry.scope_logs for record in scope.log_records)


def is_own(entry: ResourceLogs) -> bool:
    """Whether records come from a sidecar, as their resource says."""
    return any(
        pair.key == "service.name" and pair.value.string_value == SERVICE_NAME for pair in entry.resource.attributes
    )


def name_of(record: LogRecord) -> str:
    """Return a record's event name: the field, else the first attribute that names it. The views choose the same one."""
    if record.event_name:
        return record.event_name
    for key in NAME_ATTRIBUTES:
        value = next((pair.value for pair in record.attributes if pair.key == key), None)
        if value is not None and not is_empty(value):
            return str(value.string_value)  # an event's name is text: what is anything else names none
    return ""


def _event(record: LogRecord, name: str, resource: dict[str, AttributeValue]) -> EventRecord:
    attributes = attributes_of(record.attributes)
    return EventRecord(
        type=name.removeprefix(EVENT_PREFIX),
        event_id=text_of(attributes.get("event.id")),
        user_id=text_of(attributes.get("user.id")) or text_of(attributes.get("user.hash")),
        timestamp=record.time_unix_nano or record.observed_time_unix_nano,
        attributes=attributes,
        resource=resource,
    )
