"""Saves the neighbours of records that protobuf refuses: texts that are not UTF-8, values nested too deep.

A collector checks neither, and it merges the records of many senders into one request. Refused as a whole, that request
would be dropped there; so it is taken apart by hand down to its records, and each is tried alone.
Source of the field numbers: opentelemetry/proto/logs/v1/logs.proto; of the wire format: protobuf.dev, "Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs

from sidecar.errors import Malformed

RESOURCE_LOGS = 1  # in ExportLogsServiceRequest
SCOPE_LOGS = 2  # in ResourceLogs
LOG_RECORDS = 2  # in ScopeLogs
LENGTH_DELIMITED = 2
_WIDTHS = {1: 8, 5: 4}  # wire types of a fixed number of bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that can't be parsed. `raw` is a request that holds only it; `position` counts from 0 through the batch.

    Of OTLP/JSON `raw` is JSON, and may hold several `records` that have one fault.
    """

    position: int
    reason: str
    raw: bytes
    records: int = 1


@dataclass(frozen=True, slots=True)
class Salvaged:
    """The request without its unreadable records, and those."""

    body: bytes
    unreadable: tuple[Unreadable, ...]


def salvage(body: bytes) -> Salvaged:
    """Part a request that does not parse. Raises Malformed when it is not even made of records."""
    kept: list[bytes] = []
    unreadable: list[Unreadable] = []
    position = 0
    for number, kind, field, entry in _fields(body):
        if (number, kind) != (RESOURCE_LOGS, LENGTH_DELIMITED):
            kept.append(field)
            continue
        head, scopes = _parted(entry, SCOPE_LOGS)
        kept_scopes: list[bytes] = []
        for scope in scopes:
            scope_head, records = _parted(scope, LOG_RECORDS)
            kept_records: list[bytes] = []
            for record in records:
                field = _field(LOG_RECORDS, record)
                alone = _field(RESOURCE_LOGS, head + _field(SCOPE_LOGS, scope_head + field))
                if fault := _fault(alone):
                    unreadable.append(Unreadable(position, f"the record can't be read: {fault}", alone))
                else:
                    kept_records.append(field)
                position += 1
            if kept_records:
                kept_scopes.append(_field(SCOPE_LOGS, scope_head + b"".join(kept_records)))
        if kept_scopes:
            kept.append(_field(RESOURCE_LOGS, head + b"".join(kept_scopes)))
    return Salvaged(b"".join(kept), tuple(unreadable))


def origin_of(raw: bytes) -> ResourceLogs:
    """Return what can be read of an unreadable record's resource; an empty one when that is at fault."""
    for number, kind, _, entry in _fields(raw):
        if (number, kind) == (RESOURCE_LOGS, LENGTH_DELIMITED):
            try:
                return ResourceLogs(resource=ResourceLogs.FromString(_parted(entry, SCOPE_LOGS)[0]).resource)
            except DecodeError:
                break
    return ResourceLogs()


def _fault(body: bytes) -> str:
    try:
        ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        # upb's message names the message type and the fault, never the contents
        return str(error).rpartition(": ")[2]
    return ""


def _parted(message: bytes, repeated: int) -> tuple[bytes, list[bytes]]:
    """Part a message into the contents of one repeated message field, and all its other fields as they are."""
    rest, contents = [], []
    for number, kind, field, content in _fields(message):
        if (number, kind) == (repeated, LENGTH_DELIMITED):
            contents.append(content)
        else:
            rest.append(field)
    return b"".join(rest), contents


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield number, wire type, the whole field and (of length-delimited ones) its content."""
    at = 0
    while at < len(message):
        begin = at
        tag, at = _varint(message, at)
        content = b""
        match tag & 7:
            case 0:
                _, at = _varint(message, at)
            case 2:
                length, at = _varint(message, at)
                content = message[at : at + length]
                at += length
            case kind if kind in _WIDTHS:
                at += _WIDTHS[kind]
            case _:
                raise Malformed("the body is not an OTLP ExportLogsServiceRequest: it is no protobuf message")
        if at > len(message):
            raise Malformed("the body is not an OTLP ExportLogsServiceRequest: it is cut off")
        yield tag >> 3, tag & 7, message[begin:at], content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise Malformed("the body is not an OTLP ExportLogsServiceRequest: it is cut off")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _field(number: int, content: bytes) -> bytes:
    length, size = len(content), bytearray()
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    size.append(length)
    return bytes([number << 3 | LENGTH_DELIMITED]) + bytes(size) + content
