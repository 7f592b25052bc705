"""Plain JSON of structured bodies, for the column `Body` of `otel_logs`, as the collector's ClickHouse exporter writes it.

ClickHouse keeps what is nested deeper than `otlp_schema.DEPTH` undecoded, so it can't write this JSON itself. The native
encoder hands it over in a field of the log record that OTLP does not have; what is kept for dead letters never has it.
"""

import base64
import json
import math

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.otlp.attributes import key_of
from sidecar.otlp.batch import records_of
from sidecar.otlp.wire import encode
from sidecar.plugins.clickhouse.otlp_schema import BODY_JSON

Json = str | bool | int | float | None | list["Json"] | dict[str, "Json"]

NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # as OTLP/JSON writes them
CONTAINERS = frozenset({"array_value", "kvlist_value"})


def has_nested_bodies(request: ExportLogsServiceRequest) -> bool:
    """Whether any record's body is an array or a key-value list."""
    return any(record.body.WhichOneof("value") in CONTAINERS for record in records_of(request))


def with_body_json(body: bytes) -> bytes:
    """Return a request with the plain JSON of its nested bodies beside them."""
    request = ExportLogsServiceRequest.FromString(body)
    for record in records_of(request):
        if text := body_json(record):
            record.MergeFromString(encode(BODY_JSON, text.encode()))
    return bytes(request.SerializeToString())


def body_json(record: LogRecord) -> str:
    """Return the plain JSON of a nested body, "" for any other."""
    if record.body.WhichOneof("value") not in CONTAINERS:
        return ""
    return json.dumps(_plain(record.body), ensure_ascii=False, separators=(",", ":"))


def _plain(value: AnyValue) -> Json:
    """Bytes become base64; numbers that JSON does not have become texts; of a doubled key the first value stays."""
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            members: dict[str, Json] = {}
            for pair in value.kvlist_value.values:
                members.setdefault(key_of(pair), _plain(pair.value))
            return members
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "double_value" if not math.isfinite(value.double_value):
            return NOT_FINITE[str(value.double_value)]
        case None:
            return None
        case kind:
            scalar: Json = getattr(value, kind)
            return scalar
