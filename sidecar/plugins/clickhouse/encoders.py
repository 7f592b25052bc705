"""How a request gets into ClickHouse: as blocks of columns, or by one of two encoders of one signature, which a probe chooses.

columns: blocks of `events` and `logs`, made by `columns.blocks` of nearly all requests.
native: the raw bytes, which ClickHouse parses itself (server 25.7 or newer, for `format_schema_source`).
decoded: the request is decoded here and sent as a row, for servers that refuse the Protobuf formats.
The last two fill the Null table `otlp_in`, so the same views make the same rows of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any

from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from common.error_location import first_line
from sidecar.plugins.clickhouse.columns.blocks import TableBlock
from sidecar.plugins.clickhouse.odd_request import CONTAINERS, OddRequest, body_json
from sidecar.plugins.clickhouse.otlp_schema import DEPTH, PROTO
from sidecar.plugins.clickhouse.rows import insert_rows

Row = dict[str, Any]

# 0 lifts the limit: records of a late batch may fall into more than 100 months
COMMON_SETTINGS: dict[str, Any] = {
    "async_insert": 0,
    "max_partitions_per_insert_block": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "materialized_views_ignore_errors": 0,
    # a row that comes twice in one block is found by FINAL and by merges, as one of two blocks is
    "optimize_on_insert": 0,
}
# a block is written by one thread anyway; the views of a second one would each have a part of it to aggregate, and put together
BLOCK_SETTINGS = COMMON_SETTINGS | {"max_threads": 1, "max_insert_threads": 1}
NATIVE_SETTINGS = COMMON_SETTINGS | {
    "format_schema_source": "string",
    "format_schema": PROTO,
    "format_schema_message_name": "Request",
    "input_format_protobuf_oneof_presence": 1,
}

# a request without records: a user who can insert this can insert
PROBE = OddRequest(
    ExportLogsServiceRequest(resource_logs=[ResourceLogs(schema_url="probe")]).SerializeToString(), "probe", b"", ()
)


# Puts a request into `otlp_in` under its token; the same token again changes nothing. Raises the driver's errors.
Encoder = Callable[[AsyncClient, OddRequest], Awaitable[None]]


async def insert_native(client: AsyncClient, odd: OddRequest) -> None:
    """Insert the bytes, with a few fields more, in ClickHouse's ProtobufSingle format, with the schema beside them."""
    body = await asyncio.to_thread(odd.with_fields)
    settings = NATIVE_SETTINGS | {"insert_deduplication_token": odd.token}
    await client.raw_insert("otlp_in", insert_block=body, fmt="ProtobufSingle", settings=settings)


async def insert_decoded(client: AsyncClient, odd: OddRequest) -> None:
    """Insert the decoded request as a row; decoding runs on a thread, as it takes 10 times as long as the native path."""
    request = await asyncio.to_thread(_decoded, odd)
    settings = COMMON_SETTINGS | {"insert_deduplication_token": odd.token}
    await insert_rows(client, "otlp_in", [[request["resource_logs"]]], ["resource_logs"], settings)


async def insert_blocks(client: AsyncClient, blocks: Sequence[TableBlock], token: str) -> None:
    """Insert blocks of columns straight into their tables; the same token again changes nothing. Raises the driver's errors."""
    settings = BLOCK_SETTINGS | {"insert_deduplication_token": token}
    for block in blocks:
        await client.raw_insert(block.table, block.columns, block.data, fmt="Native", settings=settings)


async def choose(client: AsyncClient, wanted: str) -> tuple[Encoder, str]:
    """Return the encoder to use, and which it is and why: a request without records shows whether the server takes the native one.

    Raises the driver's errors when `native` was demanded.
    """
    if wanted == "decoded":
        return insert_decoded, "decoded encoder: chosen by setting"
    try:
        await insert_native(client, PROBE)
    except ClickHouseError as error:
        if wanted == "native":
            raise
        return insert_decoded, f"decoded encoder: the server does not take OTLP as it is: {first_line(error)}"
    return insert_native, "native encoder: the server parses OTLP itself"


def _decoded(odd: OddRequest) -> Row:
    request = _row(ExportLogsServiceRequest.FromString(odd.body))
    records = (
        record for entry in request["resource_logs"] for scope in entry["scope_logs"] for record in scope["log_records"]
    )
    for record, place in zip(records, odd.places, strict=True):
        record |= {"request": odd.request, "place": place}
    return request


def _row(message: Message, depth: int = DEPTH) -> Row:
    """Return a message as a Tuple of `otlp_in`, by the names of its fields; containers below `depth` stay serialized."""
    row: Row = {}
    for name, is_message, is_repeated in _fields(message.DESCRIPTOR):
        value = getattr(message, name)
        if name in CONTAINERS:
            row[name] = _row(value, depth - 1) if depth else value.SerializeToString()
        elif name == "entity_refs":
            row[name] = [reference.SerializeToString() for reference in value]
        elif is_message:
            row[name] = [_row(item, depth) for item in value] if is_repeated else _row(value, depth)
        else:
            row[name] = value
    if isinstance(message, AnyValue):
        row["value"] = message.WhichOneof("value") or "none"
    elif isinstance(message, LogRecord):
        row["body_json"] = body_json(message)
    return row


@cache
def _fields(descriptor: Descriptor) -> list[tuple[str, bool, bool]]:
    return [(field.name, field.message_type is not None, field.is_repeated) for field in descriptor.fields]
