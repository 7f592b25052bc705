"""Plain JSON of structured bodies, for the column `Body` of `otel_logs`, as the collector's ClickHouse exporter writes it.

ClickHouse keeps what is nested deeper than `otlp_schema.DEPTH` undecoded, so it can't write this JSON itself. The native
encoder hands it over in a field of the log record that OTLP does not have; what is kept for dead letters never has it.
"""

import base64
import json

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from sidecar.otlp.attributes import json_of, value_of
from sidecar.otlp.batch import records_of
from sidecar.otlp.wire import encode
from sidecar.plugins.clickhouse.otlp_schema import BODY_JSON

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
    """Return the plain JSON of a nested body, "" for any other. Bytes become base64, numbers that JSON does not have texts."""
    if record.body.WhichOneof("value") not in CONTAINERS:
        return ""
    return json.dumps(json_of(value_of(record.body), _text), ensure_ascii=False, separators=(",", ":"))


def _text(value: bytes | float) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else NOT_FINITE[str(value)]
