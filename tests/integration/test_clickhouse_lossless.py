"""Whatever a LogRecord holds goes into ClickHouse and comes out equal, or lands in dead_letters with a reason."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from sidecar.plugins.clickhouse.split import alone
from sidecar.plugins.clickhouse.values import any_value
from tests import otlp
from tests.embedded import EmbeddedClickHouse
from tests.sinks import SinkUnderTest, sink_on

EXAMPLES = itertools.count(1)
COLUMNS = """
    time_unix_nano, observed_time_unix_nano, event_name, severity_number, severity_text, body, toString(body_type),
    mapKeys(attributes), mapValues(attributes), arrayMap(t -> toString(t), attribute_types), dropped_attributes_count, flags,
    hex(trace_id), hex(span_id), scope_name, scope_version, mapKeys(scope_attributes), mapValues(scope_attributes),
    arrayMap(t -> toString(t), scope_attribute_types), scope_dropped_attributes_count, scope_schema_url,
    mapKeys(resource_attributes), mapValues(resource_attributes), arrayMap(t -> toString(t), resource_attribute_types),
    resource_dropped_attributes_count, resource_schema_url
"""


@pytest.fixture(scope="module", params=["native", "decoded"])
def sink(
    request: pytest.FixtureRequest, clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SinkUnderTest]:
    data = tmp_path_factory.mktemp("sink")
    with sink_on(clickhouse.url, f"lossless_{request.param}", request.param, data) as under_test:
        yield under_test


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(otlp.requests)
def test_any_request_comes_out_as_it_went_in(sink: SinkUnderTest, message: ExportLogsServiceRequest) -> None:
    example = next(EXAMPLES)
    for entry in message.resource_logs:
        entry.resource.attributes.append(KeyValue(key="test.example", value=otlp.plain(example)))
    sink.handle(message.SerializeToString())
    where = "WHERE resource_attributes['test.example'] = {example:String}"
    stored = sink.rows(f"SELECT {COLUMNS} FROM events FINAL {where}", example=str(example))
    stored += sink.rows(f"SELECT {COLUMNS} FROM logs {where}", example=str(example))
    dead = sink.rows("SELECT hex(raw), reason FROM dead_letters FINAL WHERE batch = {b:String}", b=_digest(message))
    assert all(reason for _, reason in dead)
    found = Counter(_rebuild(row) for row in stored) + Counter(_canonical(bytes.fromhex(raw)) for raw, _ in dead)
    assert found == Counter(_single_requests(message))


def _digest(message: ExportLogsServiceRequest) -> str:
    return hashlib.sha256(message.SerializeToString()).hexdigest()


def _single_requests(message: ExportLogsServiceRequest) -> Iterator[bytes]:
    for entry in message.resource_logs:
        for scope in entry.scope_logs:
            for record in scope.log_records:
                yield _canonical(alone(entry, scope, record))


def _canonical(body: bytes) -> bytes:
    """Serialize the same content to the same bytes; an unset body and one without a value are the same."""
    message = ExportLogsServiceRequest.FromString(body)
    for entry in message.resource_logs:
        entry.resource.SetInParent()
        for scope in entry.scope_logs:
            scope.scope.SetInParent()
            for record in scope.log_records:
                record.body.SetInParent()
                for pair in record.attributes:
                    pair.value.SetInParent()
                for pair in [*scope.scope.attributes, *entry.resource.attributes]:
                    pair.value.SetInParent()
    return message.SerializeToString(deterministic=True)


def _rebuild(row: tuple) -> bytes:  # type: ignore[type-arg]
    (time, observed, name, severity, severity_text, body, body_type, keys, values, types, dropped, flags, trace, span,
     scope_name, scope_version, scope_keys, scope_values, scope_types, scope_dropped, scope_url,
     resource_keys, resource_values, resource_types, resource_dropped, resource_url) = row  # fmt: skip
    entry = ResourceLogs(schema_url=resource_url)
    entry.resource.attributes.extend(_pairs(resource_keys, resource_values, resource_types))
    entry.resource.dropped_attributes_count = resource_dropped
    scope = entry.scope_logs.add(schema_url=scope_url)
    scope.scope.name, scope.scope.version = scope_name, scope_version
    scope.scope.attributes.extend(_pairs(scope_keys, scope_values, scope_types))
    scope.scope.dropped_attributes_count = scope_dropped
    record = LogRecord(
        time_unix_nano=time, observed_time_unix_nano=observed, event_name=name, severity_number=severity,
        severity_text=severity_text, body=any_value(body, body_type), attributes=_pairs(keys, values, types),
        dropped_attributes_count=dropped, flags=flags, trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(span),
    )  # fmt: skip
    return _canonical(alone(entry, scope, record))


def _pairs(keys: list[str], values: list[str], types: list[str]) -> list[KeyValue]:
    return [
        KeyValue(key=key, value=any_value(value, kind)) for key, value, kind in zip(keys, values, types, strict=True)
    ]
