"""Turns records into OTLP, or OpenTelemetry's LogRecords, as late as it can be done: on the thread that exports them.

A LogRecord is a dozen objects. Made at once and kept in a queue, thousands of them would have Python's garbage collector
interrupt the bot's handlers for milliseconds. A tuple and a dict of plain values are of no interest to it.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, overload

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags, get_current_span

from chattrail.export import encode
from chattrail.export.otel import LogRecord, ReadableLogRecord, SeverityNumber
from chattrail.record import ERROR, WARN, Record
from chattrail.sanitize import AttributeValue, weight

# size, name, timestamp, observed, severity, body, attributes, (trace id, span id, flags)
Packed: TypeAlias = tuple[int, str, int, int, int, str, dict[str, AttributeValue], tuple[int, int, int] | None]

# size, OTLP: a record that was encoded as soon as it was made
Encoded: TypeAlias = tuple[int, bytes]

_RECORDS_AT_ONCE, _PAUSE = 4, 1e-5  # records, seconds: about 0.2 ms of encoding
_OVERHEAD = 256  # bytes that a record costs besides its attributes
_ENCODED_AT_ONCE = 64 * 1024  # bytes of a record: a larger one, with an image, say, is copied on the export thread
_SCOPE = "chattrail"
_NO_CONTEXT = Context({"chattrail": True})  # an empty one would have the current context looked up
# Why a number of the sequence is missing, by what the batch processor calls it.
_DROPPED = {
    "queue_full": "chattrail.dropped.queue_full",
    "refused": "chattrail.dropped.refused",
    "internal": "chattrail.dropped.failed",
    "instrumentation": "chattrail.dropped.failed",
    "invalid": "chattrail.dropped.failed",
    "before_send": "chattrail.dropped.failed",
}
REPORTED = tuple(dict.fromkeys(_DROPPED.values()))
_TEXTS = {ERROR: "ERROR", WARN: "WARN"}


def pack(record: Record) -> Packed:
    """Return the record with the trace it was made in, ready to wait. The first item is its size in bytes, roughly."""
    span = get_current_span().get_span_context()
    size = _OVERHEAD
    for value in record.attributes.values():
        size += len(value) + 16 if type(value) is str else weight(value)
    return (
        size,
        record.event_name,
        record.timestamp,
        time.time_ns(),
        record.severity,
        record.body,
        record.attributes,
        (span.trace_id, span.span_id, int(span.trace_flags)) if span.is_valid else None,
    )


def _unpack(packed: Packed, resource: Resource) -> ReadableLogRecord:
    """Return the LogRecord."""
    _, name, timestamp, observed, severity, body, attributes, trace = packed
    record = LogRecord(
        timestamp=timestamp,
        observed_timestamp=observed,
        context=_NO_CONTEXT,
        severity_number=SeverityNumber(severity),
        severity_text=_TEXTS.get(severity, "INFO"),
        body=body,
        attributes=attributes,
        event_name=name,
    )
    if trace is not None:
        record.trace_id, record.span_id, record.trace_flags = trace[0], trace[1], TraceFlags(trace[2])
    return ReadableLogRecord(record, resource, InstrumentationScope(_SCOPE))


def encoded_at_once(packed: Packed) -> Packed | Encoded:
    """Return the record encoded, for a caller that no handler waits for; as it is when it is large or cannot be encoded."""
    if packed[0] > _ENCODED_AT_ONCE:
        return packed
    try:
        return packed[0], _encoded(packed)
    except Exception:  # the export thread will find it, and count it as refused
        return packed


def add_losses(record: Packed | Encoded, losses: Mapping[str, int]) -> Packed | Encoded:
    """Return a record with the counts of events lost so far among its attributes, for the last one of each batch: the receiver can
    then say why numbers are missing. Counts are cumulative, so one that is itself lost or doubled does no harm."""
    counts = dropped_attributes(losses)
    if len(record) == 2:
        return record[0], record[1] + encode.attribute_fields(counts)
    record[6].update(counts)
    return record


def _encoded(packed: Packed) -> bytes:
    _, name, timestamp, observed, severity, body, attributes, trace = packed
    named_severity = (severity, _TEXTS.get(severity, "INFO"))
    return encode.log_record(name, timestamp, observed, named_severity, body, attributes, trace)


class LogRecords(Sequence[ReadableLogRecord]):
    """The LogRecords of a batch, made one by one as they are encoded.

    Between them the thread sleeps for a moment. Encoding is nothing but Python: the bot's thread would wait for the interpreter's
    lock until the switch interval (5 ms) is over, again and again.
    """

    def __init__(self, batch: Sequence[Packed | Encoded], resource: Resource) -> None:
        self._batch = batch
        self._resource = resource

    def __len__(self) -> int:
        return len(self._batch)

    @overload
    def __getitem__(self, index: int) -> ReadableLogRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ReadableLogRecord]: ...
    def __getitem__(self, index: int | slice) -> ReadableLogRecord | Sequence[ReadableLogRecord]:
        """Return a record, or some."""
        if isinstance(index, slice):
            return LogRecords(self._batch[index], self._resource)
        return self._unpacked(self._batch[index])

    def __iter__(self) -> Iterator[ReadableLogRecord]:
        for record in self._slowly():
            yield self._unpacked(record)

    def _unpacked(self, record: Packed | Encoded) -> ReadableLogRecord:
        if len(record) == 2:
            raise TypeError("a record that is encoded already is for OTLP/HTTP alone")
        return _unpack(record, self._resource)

    def encoded(self) -> bytes:
        """Return them as an ExportLogsServiceRequest."""
        records = (record[1] if len(record) == 2 else _encoded(record) for record in self._slowly())
        return encode.request(self._resource, _SCOPE, records)

    def _slowly(self) -> Iterator[Packed | Encoded]:
        for position, record in enumerate(self._batch):
            if len(record) > 2 and position % _RECORDS_AT_ONCE == 0:
                time.sleep(_PAUSE)
            yield record


def dropped_attributes(losses: Mapping[str, int]) -> dict[str, AttributeValue]:
    """Return counts of lost events by the attribute that carries each."""
    counts: Counter[str] = Counter()
    for reason, count in losses.items():
        if name := _DROPPED.get(reason):
            counts[name] += count
    return {**counts}
