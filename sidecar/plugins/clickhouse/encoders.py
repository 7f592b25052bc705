"""Two ways to hand an OTLP request to `otlp_in`, behind one interface; a probe at start chooses.

native: the raw bytes, which ClickHouse parses itself (server 25.7 or newer, for `format_schema_source`).
decoded: the request is taken apart here and sent as columns, for servers that refuse the Protobuf formats.
Both fill the same Null table, so the same views make the same rows of them.
"""

import asyncio
from typing import Any, ClassVar, Protocol

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from common.error_location import first_line
from sidecar.plugins.clickhouse.body_json import body_json, with_body_json
from sidecar.plugins.clickhouse.otlp_schema import DEPTH, proto_text
from sidecar.plugins.clickhouse.rows import insert_rows

Row = dict[str, Any]

# 0 lifts the limit: records of a late batch may fall into more than 100 months
COMMON_SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "max_partitions_per_insert_block": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "materialized_views_ignore_errors": 0,
}

# a request without records: whoever can insert this can insert
PROBE = ExportLogsServiceRequest(resource_logs=[ResourceLogs(schema_url="probe")]).SerializeToString()


class Encoder(Protocol):
    """Puts one serialized ExportLogsServiceRequest into `otlp_in`."""

    name: ClassVar[str]

    async def insert(self, client: AsyncClient, body: bytes, token: str, *, nested_bodies: bool = False) -> None:
        """Insert; the same token again changes nothing. Raises the driver's errors.

        `nested_bodies`: some records' bodies are arrays or key-value lists, whose plain JSON has to be made.
        """
        ...


class NativeEncoder:
    """Sends the bytes as they are, with the schema beside them."""

    name: ClassVar[str] = "native"

    def __init__(self) -> None:
        self._settings = COMMON_SETTINGS | {
            "format_schema_source": "string",
            "format_schema": proto_text(),
            "format_schema_message_name": "Request",
            "input_format_protobuf_oneof_presence": 1,
        }

    async def insert(self, client: AsyncClient, body: bytes, token: str, *, nested_bodies: bool = False) -> None:
        """Insert the raw body in ClickHouse's ProtobufSingle format."""
        if nested_bodies:
            body = await asyncio.to_thread(with_body_json, body)
        settings = self._settings | {"insert_deduplication_token": token}
        await client.raw_insert("otlp_in", insert_block=body, fmt="ProtobufSingle", settings=settings)


class DecodedEncoder:
    """Takes the request apart in Python and inserts it as one row in ClickHouse's Native format."""

    name: ClassVar[str] = "decoded"

    async def insert(self, client: AsyncClient, body: bytes, token: str, *, nested_bodies: bool = False) -> None:
        """Insert the decoded request; decoding runs on a thread, as it takes 10 times as long as the native path."""
        row = await asyncio.to_thread(_resource_logs, body)
        settings = COMMON_SETTINGS | {"insert_deduplication_token": token}
        await insert_rows(client, "otlp_in", [[row]], ["resource_logs"], settings)


async def choose(client: AsyncClient, wanted: str) -> tuple[Encoder, str]:
    """Return the encoder to use and why, trying the native one on a request without records. Raises when `native` was demanded."""
    if wanted == "decoded":
        return DecodedEncoder(), "chosen by setting"
    native = NativeEncoder()
    try:
        await native.insert(client, PROBE, "probe")
    except ClickHouseError as error:
        if wanted == "native":
            raise
        return DecodedEncoder(), f"the server does not take OTLP as it is: {first_line(error)}"
    return native, "the server parses OTLP itself"


def _resource_logs(body: bytes) -> list[Row]:
    return [_resource_entry(entry) for entry in ExportLogsServiceRequest.FromString(body).resource_logs]


def _resource_entry(entry: ResourceLogs) -> Row:
    resource = {
        "attributes": _pairs(entry.resource.attributes, DEPTH),
        "dropped_attributes_count": entry.resource.dropped_attributes_count,
        "entity_refs": [reference.SerializeToString() for reference in entry.resource.entity_refs],
    }
    scopes = [_scope_entry(scope) for scope in entry.scope_logs]
    return {"resource": resource, "scope_logs": scopes, "schema_url": entry.schema_url}


def _scope_entry(entry: ScopeLogs) -> Row:
    scope = {
        "name": entry.scope.name,
        "version": entry.scope.version,
        "attributes": _pairs(entry.scope.attributes, DEPTH),
        "dropped_attributes_count": entry.scope.dropped_attributes_count,
    }
    return {
        "scope": scope,
        "log_records": [_record(record) for record in entry.log_records],
        "schema_url": entry.schema_url,
    }


def _record(record: LogRecord) -> Row:
    return {
        "time_unix_nano": record.time_unix_nano,
        "observed_time_unix_nano": record.observed_time_unix_nano,
        "severity_number": record.severity_number,
        "severity_text": record.severity_text,
        "body": _value(record.body, DEPTH),
        "attributes": _pairs(record.attributes, DEPTH),
        "dropped_attributes_count": record.dropped_attributes_count,
        "flags": record.flags,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "event_name": record.event_name,
        "body_json": body_json(record),
    }


def _pairs(pairs: "list[KeyValue]", depth: int) -> list[Row]:
    return [{"key": pair.key, "value": _value(pair.value, depth), "key_strindex": pair.key_strindex} for pair in pairs]


def _value(value: AnyValue, depth: int) -> Row:
    kind = value.WhichOneof("value")
    array: Any = {"values": []} if depth else b""
    kvlist: Any = {"values": []} if depth else b""
    if kind == "array_value":
        array = (
            {"values": [_value(item, depth - 1) for item in value.array_value.values]}
            if depth
            else value.array_value.SerializeToString()
        )
    elif kind == "kvlist_value":
        kvlist = (
            {"values": _pairs(value.kvlist_value.values, depth - 1)}
            if depth
            else value.kvlist_value.SerializeToString()
        )
    return {
        "value": kind or "none",
        "string_value": value.string_value,
        "bool_value": value.bool_value,
        "int_value": value.int_value,
        "double_value": value.double_value,
        "array_value": array,
        "kvlist_value": kvlist,
        "bytes_value": value.bytes_value,
        "string_value_strindex": value.string_value_strindex,
    }
