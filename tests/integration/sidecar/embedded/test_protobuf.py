"""A body in Protobuf, read by a schema that travels with it."""

import hashlib
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.support.embedded import EmbeddedClickHouse

SCHEMA = """syntax = "proto3";
message Value { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; } }
message KeyValue { string key = 1; Value value = 2; }
message LogRecord { fixed64 time_unix_nano = 1; repeated KeyValue attributes = 6; string event_name = 12; }
message ScopeLogs { repeated LogRecord log_records = 2; }
message ResourceLogs { repeated ScopeLogs scope_logs = 2; }
message Request { repeated ResourceLogs resource_logs = 1; }
"""
ATTRIBUTE = (
    "Tuple(key String, value Tuple(value Enum8('none'=0,'string_value'=1,'bool_value'=2,'int_value'=3),"
    " string_value String, bool_value Bool, int_value Int64))"
)
RECORD = f"Tuple(time_unix_nano UInt64, attributes Array({ATTRIBUTE}), event_name String)"


@pytest.fixture
def client(clickhouse: EmbeddedClickHouse) -> Iterator[Any]:
    with clickhouse.fresh_database() as database, clickhouse_connect.get_client(dsn=clickhouse.dsn(database)) as client:
        yield client


def otlp(records: int) -> bytes:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add().log_records
    for i in range(records):
        record = logs.add(time_unix_nano=1_800_000_000_000_000_000 + i, event_name="chattrail.user_message")
        record.attributes.add(key="empty").value.string_value = ""
        record.attributes.add(key="zero").value.int_value = 0
    return bytes(request.SerializeToString())


def test_a_protobuf_body_starts_right_after_one_newline_and_counts_once(client: Any) -> None:
    client.command(
        f"CREATE TABLE otlp_in (resource_logs Array(Tuple(scope_logs Array(Tuple(log_records Array({RECORD})))))) ENGINE = Null"
    )
    client.command(
        "CREATE TABLE events (ts UInt64, name String, kinds Array(String)) ENGINE = MergeTree ORDER BY ts"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    client.command(
        "CREATE MATERIALIZED VIEW spread TO events AS SELECT r.time_unix_nano AS ts, r.event_name AS name,"
        " arrayMap(a -> toString(a.value.value), r.attributes) AS kinds FROM (SELECT arrayJoin(arrayFlatten("
        "arrayMap(x -> arrayMap(y -> y.log_records, x.scope_logs), resource_logs))) AS r FROM otlp_in)"
    )
    body = otlp(1000)
    assert body[0] == 0x0A
    settings = {
        "format_schema_source": "string",
        "format_schema": SCHEMA,
        "format_schema_message_name": "Request",
        "input_format_protobuf_oneof_presence": 1,
        "async_insert": 0,
        "insert_deduplication_token": hashlib.sha256(body).hexdigest(),
    }
    for _ in range(3):
        client.raw_insert("otlp_in", insert_block=body, fmt="ProtobufSingle", settings=settings)
        counted = client.query("SELECT count(), uniqExact(ts), any(kinds) FROM events").first_row
        assert counted == (1000, 1000, ["string_value", "int_value"])
