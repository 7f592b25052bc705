#!/usr/bin/env bash
# OpenTelemetry's OTLP log exporters for Python: whether OTEL_EXPORTER_OTLP_HEADERS is still sent when `headers=` is
# given depends on the minor version and on the protocol.
#
# Up to 1.44 the argument replaces the variable, over HTTP and over gRPC. From 1.45 on, the HTTP exporter merges them by
# name, and the gRPC exporter of the same release still replaces. So a program that passes one header of its own and has
# its token in the variable is refused (401) with 1.44, works after an upgrade to 1.45, and is refused again when it
# changes OTEL_EXPORTER_OTLP_PROTOCOL to grpc. The other way round, a token that is in the variable for another endpoint is
# sent along from 1.45 on.
#
# Source: `self._headers = headers or parse_env_headers(...)` in opentelemetry/exporter/otlp/proto/http/_log_exporter of
# 1.44.0; _resolve_headers in opentelemetry/exporter/otlp/proto/http/_common of 1.45.2; `headers or environ.get(...)` in
# opentelemetry/exporter/otlp/proto/grpc/_log_exporter of both.
# Met in chattrail/export/pipeline.py, which merges them itself and gives the exporters the result.
#
# Output seen:
#   1.44.0 http x-argument
#   1.44.0 grpc x-argument
#   1.45.2 http x-argument x-variable
#   1.45.2 grpc x-argument
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/headers.py" <<'PYTHON'
import http.server
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

NAMES = ("x-argument", "x-variable")
received = {}


class Http(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        received["http"] = [name for name in NAMES if name in self.headers]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Grpc(logs_service_pb2_grpc.LogsServiceServicer):
    def Export(self, request, context):
        received["grpc"] = [name for name in NAMES if name in dict(context.invocation_metadata())]
        return logs_service_pb2.ExportLogsServiceResponse()


memory, provider = InMemoryLogRecordExporter(), LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
provider.get_logger("finding").emit(body="a record")
web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Http)
threading.Thread(target=web.serve_forever, daemon=True).start()
server = grpc.server(ThreadPoolExecutor(1))
logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Grpc(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
HttpExporter(f"http://127.0.0.1:{web.server_port}/v1/logs", headers={"x-argument": "1"}).export(memory.get_finished_logs())
GrpcExporter(f"http://127.0.0.1:{port}", headers={"x-argument": "1"}).export(memory.get_finished_logs())
for protocol in ("http", "grpc"):
    print(version("opentelemetry-sdk"), protocol, *received[protocol])
PYTHON
for version in 1.44.0 1.45.2; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --disable-pip-version-check opentelemetry-exporter-otlp==$version
  OTEL_EXPORTER_OTLP_HEADERS=x-variable=1 "$folder/$version/bin/python" "$folder/headers.py"
done | tee "$folder/seen"
diff - "$folder/seen" <<'SEEN'
1.44.0 http x-argument
1.44.0 grpc x-argument
1.45.2 http x-argument x-variable
1.45.2 grpc x-argument
SEEN
