#!/usr/bin/env bash
# OpenTelemetry's OTLP/HTTP log exporter for Python 1.45.2: an answer that took nothing is SUCCESS when its status is
# below 400.
#
# A redirection (a proxy that sends http to https, a load balancer that knows another address) is neither followed nor
# reported: the exporter makes one request, returns LogRecordExportResult.SUCCESS and logs nothing. The same goes for
# 200 with a web page, as a login page or a wrong port gives it, and for 200 with a partial_success that says that every
# record was rejected and why. So a bot whose endpoint is http://… behind such a proxy sends into the void, with every
# sign of success. What it does call FAILURE is one name for "never send this again" (400) and for "ask again in 100 s"
# (503 with Retry-After).
#
# Source: _OTLPHTTPClient.export in opentelemetry/exporter/otlp/common/http.py (`200 <= status_code < 400`), and
# allow_redirects=False in opentelemetry/exporter/http/transport/_requests.py. The body of an answer is never read.
# Met in chattrail/export/transport.py, which looks at the answer itself.
#
# Output seen:
#   308 to https SUCCESS, requests 1, lines logged 0
#   302 to a login page SUCCESS, requests 1, lines logged 0
#   200 with a web page SUCCESS, requests 1, lines logged 0
#   200, all records rejected SUCCESS, requests 1, lines logged 0
#   400 FAILURE, requests 1, lines logged 1
#   503, Retry-After: 100 FAILURE, requests 1, lines logged 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check opentelemetry-exporter-otlp-proto-http==1.45.2
"$folder/venv/bin/python" - <<'PYTHON'
import http.server
import logging
import sys
import threading

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

rejected = ExportLogsServiceResponse()
rejected.partial_success.rejected_log_records = 1
rejected.partial_success.error_message = "none of these can be stored"
SUCCESS, FAILURE = "SUCCESS", "FAILURE"
ANSWERS = [
    ("308 to https", SUCCESS, 308, {"Location": "https://collector.example/v1/logs"}, b""),
    ("302 to a login page", SUCCESS, 302, {"Location": "/login"}, b""),
    ("200 with a web page", SUCCESS, 200, {"Content-Type": "text/html"}, b"<!doctype html><title>Sign in</title>"),
    ("200, all records rejected", SUCCESS, 200, {"Content-Type": "application/x-protobuf"}, rejected.SerializeToString()),
    ("400", FAILURE, 400, {}, b""),
    ("503, Retry-After: 100", FAILURE, 503, {"Retry-After": "100"}, b""),
]


class Server(http.server.BaseHTTPRequestHandler):
    answer, requests = None, 0

    def do_POST(self):
        Server.requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, body = Server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Lines(logging.Handler):
    count = 0

    def emit(self, record):
        Lines.count += 1


logging.getLogger("opentelemetry").addHandler(Lines())
memory, provider = InMemoryLogRecordExporter(), LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
provider.get_logger("finding").emit(body="a record")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
same = True
for name, expected, *Server.answer in ANSWERS:
    Server.requests = Lines.count = 0
    exporter = OTLPLogExporter(f"http://127.0.0.1:{server.server_port}/v1/logs", timeout=2)
    result = exporter.export(memory.get_finished_logs()).name
    print(name, f"{result}, requests {Server.requests}, lines logged {Lines.count}")
    same = same and (result, Server.requests, Lines.count) == (expected, 1, int(expected == FAILURE))
sys.exit(not same)
PYTHON
