"""Whatever a LogRecord holds goes into ClickHouse and comes out equal, or lands in dead_letters with a reason."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from sidecar.plugins.clickhouse.insert_dead_letters import whole
from sidecar.plugins.clickhouse.split import alone, origin_of
from tests.support import otlp
from tests.support.embedded import EmbeddedClickHouse
from tests.support.sinks import SinkUnderTest, sink_on
from tests.support.stored import COLUMNS, rebuild

EXAMPLES = itertools.count(1)


@pytest.fixture(scope="module", params=["columns", "decoded"])
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
    found = Counter(_rebuilt(row) for row in stored) + Counter(_canonical(bytes.fromhex(raw)) for raw, _ in dead)
    assert found == Counter(_single_requests(message))


def _digest(message: ExportLogsServiceRequest) -> str:
    return hashlib.sha256(message.SerializeToString()).hexdigest()


def _single_requests(message: ExportLogsServiceRequest) -> Iterator[bytes]:
    for entry in message.resource_logs:
        for scope in entry.scope_logs:
            for record in scope.log_records:
                yield _canonical(whole(alone(record), origin_of(entry, scope)))


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
    return bytes(message.SerializeToString(deterministic=True))


def _rebuilt(row: tuple) -> bytes:  # type: ignore[type-arg]
    return _canonical(ExportLogsServiceRequest(resource_logs=[rebuild(row)]).SerializeToString())
