"""Saves the neighbours of records that protobuf refuses: texts that are not UTF-8, values nested too deep.

A collector checks neither, and it merges the records of many senders into one request. Refused as a whole, that request
would be dropped there; so it is split by hand down to its records, and each is tried alone. A text of a resource or
scope that is not UTF-8 does not cost their records: it is stored with U+FFFD for what can't be read.
"""

from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from sidecar.errors import MalformedError
from sidecar.otlp.wire import LENGTH_DELIMITED, LOG_RECORDS, Origin, contents, encode, fields, scopes

DEEPEST = 100  # messages inside one another; protobuf reads no more


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that can't be parsed or stored, for `dead_letters`. `position` counts from 0 through the batch.

    `raw` is a request that holds only it, without its resource and scope where `origin` has them. Of OTLP/JSON `raw` is
    JSON, and may hold several `records` that have one fault.
    """

    position: int
    reason: str
    raw: bytes
    records: int = 1
    origin: Origin | None = None
    event_name: str = ""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """The request without its unreadable records, those, and how many of its scopes had a text mended."""

    body: bytes
    unreadable: tuple[RejectedRecord, ...]
    mended: int = 0


def salvage(body: bytes) -> Salvaged:
    """Part a request that does not parse. Raises MalformedError when it is not even made of records."""
    kept: list[bytes] = []
    unreadable: list[RejectedRecord] = []
    position = mended = 0
    for sent, start, end in scopes(body):
        origin, origin_fault = sent, _fault(sent.request(b""))
        if origin_fault:
            origin = _mended(sent)
            origin_fault = _fault(origin.request(b""))
            mended += not origin_fault
        kept_records: list[bytes] = []
        for began, _, stop in contents(body, start, end, LOG_RECORDS):
            record = body[began:stop]
            alone = Origin().request(record)
            if origin_fault:
                reason = f"the resource or scope of the record can't be read: {origin_fault}"
                unreadable.append(RejectedRecord(position, reason, alone, origin=sent))
            elif fault := _fault(alone):
                unreadable.append(RejectedRecord(position, f"the record can't be read: {fault}", alone, origin=sent))
            else:
                kept_records.append(record)
            position += 1
        if kept_records:
            kept.append(origin.request(b"".join(kept_records)))
    return Salvaged(b"".join(kept), tuple(unreadable), mended)


def _fault(body: bytes) -> str:
    try:
        ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        # upb's message names the message type and the fault, never the contents
        return str(error).rpartition(": ")[2]
    return ""


def _mended(origin: Origin) -> Origin:
    try:
        return Origin.of(_with_readable_texts(origin.request(b""), ExportLogsServiceRequest.DESCRIPTOR))[0]
    except MalformedError:  # cut off inside: nothing to read at all
        return origin


def _with_readable_texts(message: bytes, descriptor: Descriptor, depth: int = 0) -> bytes:
    """Return a serialized message whose texts are UTF-8: U+FFFD stands for what is not."""
    parts, copied = [], 0
    for tag, began, begin, end in fields(message, 0, len(message)):
        field = descriptor.fields_by_number.get(tag >> 3)
        if field is None or tag & 7 != LENGTH_DELIMITED or depth == DEEPEST:
            continue
        content = message[begin:end]
        if field.type == FieldDescriptor.TYPE_STRING:
            readable = content.decode("utf-8", "replace").encode()
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            readable = _with_readable_texts(content, field.message_type, depth + 1)
        else:
            continue
        if readable != content:
            parts += [message[copied:began], encode(field.number, readable)]
            copied = end
    return b"".join([*parts, message[copied:]])
