"""The protobuf wire format of an OTLP logs request, walked without parsing: fields, and what a record stands in.

Source of the wire format: protobuf.dev, "Encoding"; of the field numbers: opentelemetry/proto/logs/v1/logs.proto.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from common.varint import varint
from sidecar.errors import MalformedError

RESOURCE_LOGS = 1  # in ExportLogsServiceRequest
SCOPE_LOGS = 2  # in ResourceLogs
LOG_RECORDS = 2  # in ScopeLogs
LENGTH_DELIMITED = 2
_WIDTHS = {1: 8, 5: 4}  # wire types of a fixed number of bytes


@dataclass(frozen=True)
class Origin:
    """What records of one scope share: the fields of ResourceLogs and of ScopeLogs without the records, serialized."""

    head: bytes = b""
    scope_head: bytes = b""

    def request(self, records: bytes) -> bytes:
        """Return a request of this origin with serialized `log_records` fields."""
        return encode(RESOURCE_LOGS, self.head + encode(SCOPE_LOGS, self.scope_head + records))

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.head) + len(self.scope_head)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex: the same resource and scope have the same."""
        return hashlib.sha256(self.request(b"")).hexdigest()

    @classmethod
    def of(cls, request: bytes) -> "tuple[Origin, bytes]":
        """Split a request with one resource and one scope: its origin, and its `log_records` fields."""
        for _, start, end in contents(request, 0, len(request), RESOURCE_LOGS):
            head = rest(request, start, end, SCOPE_LOGS)[0]
            for _, begin, stop in contents(request, start, end, SCOPE_LOGS):
                records = b"".join(request[a:b] for a, _, b in contents(request, begin, stop, LOG_RECORDS))
                return cls(head, rest(request, begin, stop, LOG_RECORDS)[0]), records
            return cls(head), b""
        return cls(), b""


def contents(message: bytes, start: int, end: int, number: int) -> Iterator[tuple[int, int, int]]:
    """Yield of each occurrence of a message field where it begins, and where its content begins and ends. Raises MalformedError."""
    short_tag, at = number << 3 | LENGTH_DELIMITED, start
    while at < end:
        if message[at] == short_tag and at + 1 < end and (length := message[at + 1]) < 0x80:
            began, at = at, at + 2 + length
            if at > end:
                raise cut_off()
            yield began, began + 2, at
            continue
        began = at
        tag, begin, at = _field(message, at, end)
        if tag == short_tag:
            yield began, begin, at


def scopes(request: bytes) -> Iterator[tuple[Origin, int, int]]:
    """Yield each ScopeLogs with records: what they share, and where its content begins and ends. Raises MalformedError."""
    for _, start, end in contents(request, 0, len(request), RESOURCE_LOGS):
        head, count = rest(request, start, end, SCOPE_LOGS)
        if count:
            for _, begin, stop in contents(request, start, end, SCOPE_LOGS):
                scope_head, count = rest(request, begin, stop, LOG_RECORDS)
                if count:
                    yield Origin(head, scope_head), begin, stop


def rest(message: bytes, start: int, end: int, number: int) -> tuple[bytes, int]:
    """Return all other fields than this repeated message field, and how often that one comes. Raises MalformedError."""
    others, count, done = [], 0, start
    for began, _, stop in contents(message, start, end, number):
        count += 1
        if began > done:
            others.append(message[done:began])
        done = stop
    others.append(message[done:end])
    return b"".join(others), count


def fields(message: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield of every field its tag (number and wire type), where it begins, and where its content begins and ends.

    Raises MalformedError.
    """
    at = start
    while at < end:
        began = at
        tag, begin, at = _field(message, at, end)
        yield tag, began, begin, at


def encode(number: int, content: bytes) -> bytes:
    """Return a length-delimited field."""
    return varint(number << 3 | LENGTH_DELIMITED) + varint(len(content)) + content


def cut_off() -> MalformedError:
    """The error for a body that ends inside a field."""
    return MalformedError("the body is not an OTLP ExportLogsServiceRequest: it is cut off")


def _field(message: bytes, at: int, end: int) -> tuple[int, int, int]:
    tag, at = _varint(message, at, end)
    match tag & 7:
        case _ if tag < 8:  # fields are numbered from 1
            raise MalformedError("the body is not an OTLP ExportLogsServiceRequest: it is no protobuf message")
        case 0:
            begin = at
            _, at = _varint(message, at, end)
        case 2:
            length, begin = _varint(message, at, end)
            at = begin + length
        case kind if kind in _WIDTHS:
            begin, at = at, at + _WIDTHS[kind]
        case _:
            raise MalformedError("the body is not an OTLP ExportLogsServiceRequest: it is no protobuf message")
    if at > end:
        raise cut_off()
    return tag, begin, at


def _varint(message: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= end or shift > 63:
            raise cut_off()
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
