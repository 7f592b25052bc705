"""What goes into ClickHouse by the views, and what the sidecar hands over in fields of log records that OTLP does not have.

That is the key of each record, and plain JSON of structured bodies, for the column `Body` of `otel_logs`, as the collector's
ClickHouse exporter writes it: ClickHouse keeps what is nested deeper than `otlp_schema.DEPTH` undecoded, so it can't write
this JSON itself. What is kept for dead letters never has these fields.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from common.varint import varint
from sidecar.otlp.attributes import json_of, value_of
from sidecar.otlp.batch import records_of
from sidecar.otlp.wire import encode
from sidecar.plugins.clickhouse.otlp_schema import BODY_JSON, PLACE, REQUEST

NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # as OTLP/JSON writes them
CONTAINERS = frozenset({"array_value", "kvlist_value"})


@dataclass(frozen=True, slots=True)
class OddRequest:
    """A request, or what is left of it when records are turned away or it is halved.

    `request` is the SHA-256 of the whole, `places` are those of the records in it: what is stored in parts has the same keys.
    """

    body: bytes
    token: str
    request: bytes
    places: Sequence[int]

    def part(self, body: bytes, token: str, first: int, records: int) -> "OddRequest":
        """Return a part: so many of its records from this one on."""
        return OddRequest(body, token, self.request, self.places[first : first + records])

    def with_fields(self) -> bytes:
        """Return the body with the fields that OTLP does not have in each of its records."""
        message = ExportLogsServiceRequest.FromString(self.body)
        request = encode(REQUEST, self.request)
        for record, place in zip(records_of(message), self.places, strict=True):
            text = body_json(record)
            record.MergeFromString(
                request + varint(PLACE << 3) + varint(place) + (encode(BODY_JSON, text.encode()) if text else b"")
            )
        return bytes(message.SerializeToString())


def body_json(record: LogRecord) -> str:
    """Return the plain JSON of a nested body, "" for any other. Bytes become base64, numbers that JSON does not have texts."""
    if record.body.WhichOneof("value") not in CONTAINERS:
        return ""
    return json.dumps(json_of(value_of(record.body), _text), ensure_ascii=False, separators=(",", ":"))


def _text(value: bytes | float) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else NOT_FINITE[str(value)]
