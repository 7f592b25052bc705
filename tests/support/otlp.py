"""OTLP requests for tests: hypothesis strategies for anything the protocol can carry, and builders for plain events."""

import math
import time
import uuid
from collections.abc import Mapping
from types import MappingProxyType

from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from sidecar.testing import events
from sidecar.testing.events import attribute as plain
from sidecar.testing.events import request

__all__ = ["event", "plain", "request", "requests", "uuid7"]

texts = st.text(max_size=30)
uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)
int64 = st.integers(-(2**63), 2**63 - 1)

scalars = st.one_of(
    st.just(AnyValue()),
    st.builds(lambda v: AnyValue(string_value=v), texts),
    st.builds(lambda v: AnyValue(bool_value=v), st.booleans()),
    st.builds(lambda v: AnyValue(int_value=v), int64),
    # a NaN keeps being one, its sign and payload are not kept
    st.builds(lambda v: AnyValue(double_value=math.nan if math.isnan(v) else v), st.floats()),
    st.builds(lambda v: AnyValue(bytes_value=v), st.binary(max_size=30)),
    st.builds(lambda v: AnyValue(string_value_strindex=v), st.integers(-(2**31), 2**31 - 1)),
)


def _pairs(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[KeyValue]:
    """Key-values; now and then one whose key is an index into the dictionary that profiles have."""
    keys = st.one_of(texts, st.integers(1, 2**31 - 1))
    return st.builds(
        lambda key, value: KeyValue(key_strindex=key, value=value) if isinstance(key, int) else KeyValue(key=key, value=value),
        keys, values,
    )  # fmt: skip


def _containers(children: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[AnyValue]:
    pairs = _pairs(children)
    return st.one_of(
        st.builds(lambda items: AnyValue(array_value=ArrayValue(values=items)), st.lists(children, max_size=3)),
        st.builds(lambda items: AnyValue(kvlist_value=KeyValueList(values=items)), st.lists(pairs, max_size=3)),
    )


any_values = st.recursive(scalars, _containers, max_leaves=12)
attributes = st.lists(_pairs(any_values), max_size=4)


@st.composite
def records(draw: st.DrawFn) -> LogRecord:
    """Any LogRecord; about half are analytics events, some of those with an unusable event.id."""
    record = LogRecord(
        time_unix_nano=draw(uint64),
        observed_time_unix_nano=draw(uint64),
        severity_number=draw(st.integers(0, 24)),  # type: ignore[arg-type]
        severity_text=draw(texts),
        body=draw(any_values),
        attributes=draw(attributes),
        dropped_attributes_count=draw(uint32),
        flags=draw(uint32),
        trace_id=draw(st.binary(max_size=16)),
        span_id=draw(st.binary(max_size=8)),
        event_name=draw(
            st.one_of(texts, st.sampled_from(["chattrail.user_message", "chattrail.made_up", "chattrail."]))
        ),
    )
    if record.event_name.startswith("chattrail."):
        identity = draw(st.sampled_from(["v7", "v4", "bad", "absent"]))
        if identity != "absent":
            value = {"v7": uuid7(draw(st.integers(0, 2**48 - 1))), "v4": str(uuid.uuid4()), "bad": draw(texts)}[
                identity
            ]
            record.attributes.insert(0, KeyValue(key="event.id", value=AnyValue(string_value=value)))
    return record


scopes = st.builds(
    lambda name, version, pairs, dropped: InstrumentationScope(
        name=name, version=version, attributes=pairs, dropped_attributes_count=dropped
    ),
    texts, texts, attributes, uint32,
)  # fmt: skip
scope_logs = st.builds(
    lambda scope, logs, url: ScopeLogs(scope=scope, log_records=logs, schema_url=url),
    scopes, st.lists(records(), max_size=4), texts,
)  # fmt: skip
resource_logs = st.builds(
    lambda pairs, dropped, entries, url: ResourceLogs(
        resource=Resource(attributes=pairs, dropped_attributes_count=dropped), scope_logs=entries, schema_url=url
    ),
    attributes, uint32, st.lists(scope_logs, max_size=2), texts,
)  # fmt: skip
requests = st.builds(
    lambda entries: ExportLogsServiceRequest(resource_logs=entries), st.lists(resource_logs, max_size=2)
)


def uuid7(milliseconds: int) -> str:
    """Return a UUIDv7 for a time, random in the rest."""
    bits = (milliseconds << 80) | (7 << 76) | (uuid.uuid4().int & ~(0b11 << 62) & ((1 << 76) - 1)) | (0b10 << 62)
    return str(uuid.UUID(int=bits & ((1 << 128) - 1)))


def event(
    type_: str,
    user: str = "7",
    attributes: Mapping[str, object] = MappingProxyType({}),
    *,
    at: int | None = None,
    event_id: str | None = None,
) -> LogRecord:
    """Return an analytics event at a time in Unix nanoseconds, its id of that time; attributes by their full names."""
    at = time.time_ns() if at is None else at
    return events.event(type_, user, attributes, at=at, event_id=event_id or uuid7(at // 1_000_000))
