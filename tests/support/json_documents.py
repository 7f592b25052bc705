"""OTLP/JSON documents for tests: of requests, of one record, and with something wrong at one place."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


def as_otlp_json(request: ExportLogsServiceRequest) -> dict[str, Any]:
    """A request as the specification wants it: protobuf's JSON mapping with ids in hex."""
    document: dict[str, Any] = json_format.MessageToDict(request, use_integers_for_enums=True)
    for entry in document.get("resourceLogs", []):
        for scope in entry.get("scopeLogs", []):
            for record in scope.get("logRecords", []):
                for key in {"traceId", "spanId"} & record.keys():
                    record[key] = base64.b64decode(record[key]).hex()
    return document


def record_json(**fields: Any) -> bytes:
    """A request with one record."""
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [fields]}]}]}).encode()


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document, as the container and the key or index in it."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in list(items):
        yield document, key
        if isinstance(value, dict | list):
            yield from places(value)
