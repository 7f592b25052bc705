"""The real collector as a process, and a destination for it: an OTLP/HTTP server whose answers a test decides."""

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from collector.build import BuildError, find
from tests.support.paths import ROOT
from tests.support.receivers import quiet_port

PROTOBUF = "application/x-protobuf"


def binary_or_skip() -> Path:
    """The collector's binary. Without one a test fails in CI, which builds it, and is skipped elsewhere."""
    try:
        return find(Path(os.environ["CHATTRAIL_OTELCOL"]) if os.environ.get("CHATTRAIL_OTELCOL") else None)
    except BuildError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip("the collector is not built: run `make collector`")


def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    """Wait for a condition; fail and say what was waited for when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nobody listens on, and that will still be free after a restart."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(quiet_port())
    return list(ports)


class Collector:
    """`python -m collector run` on free ports with a data folder of its own; may be started again after its end."""

    def __init__(self, data: Path, sidecar_url: str, *overlays: Path, **settings: str) -> None:
        self.data = data
        grpc, http, health, metrics = free_ports(4)
        self.grpc = f"127.0.0.1:{grpc}"
        self.http = f"http://127.0.0.1:{http}"
        self.health = f"http://127.0.0.1:{health}/"
        self.metrics_url = f"http://127.0.0.1:{metrics}/metrics"
        given = {
            "data": str(data / "collector"), "sidecar_url": sidecar_url, "grpc_port": grpc, "http_port": http,
            "health_port": health, "metrics_port": metrics, **settings,
        }  # fmt: skip
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHATTRAIL_")}
        self.environment = {
            **inherited,
            **{f"CHATTRAIL_COLLECTOR_{name.upper()}": str(value) for name, value in given.items()},
            "CHATTRAIL_OTELCOL": str(binary_or_skip()),
        }
        files = [ROOT / "otel-config.yaml", *overlays] if overlays else []
        self.command = [sys.executable, "-m", "collector", "run", *(f"--config={file}" for file in files)]
        self._process: subprocess.Popen[bytes] | None = None
        self.log = data / "collector.log"

    def start(self) -> Self:
        """Start it and wait until it is healthy."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        until(lambda: self.ended() or self.healthy(), f"the collector is healthy ({self.log})")
        assert not self.ended(), self.log.read_text()
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self.health, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self, seconds: float = 20.0) -> None:
        """Ask it to end, and wait until it has."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(seconds) == 0, self.log.read_text()

    def post(self, body: bytes, **headers: str) -> int:
        """Send an OTLP/HTTP request and return the answer's status."""
        return self.answer(body, **headers)[0]

    def answer(self, body: bytes, **headers: str) -> tuple[int, bytes]:
        request = urllib.request.Request(
            f"{self.http}/v1/logs", data=body, headers={"content-type": PROTOBUF, **headers}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def metric(self, name: str, **labels: str) -> float:
        """Sum of one of the collector's own metrics over the series that have these labels."""
        with urllib.request.urlopen(self.metrics_url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in lines
            if line.startswith(f"{name}{{") and all(label in line for label in wanted)
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if not self.ended():
            self.kill()


class Destination:
    """An OTLP/HTTP server of logs and metrics. `answer` returns status and headers for each request; 200 means kept."""

    def __init__(self) -> None:
        self.answer: Callable[[], tuple[int, dict[str, str]]] = lambda: (200, {})
        self.requests: list[ExportLogsServiceRequest] = []
        self.sizes: list[int] = []  # of these requests, decompressed
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.attempts: list[float] = []
        self.let_go = threading.Event()  # a test that makes `answer` wait should wait for this
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"

    def up(self) -> Self:
        """Begin to listen, on the same port every time."""
        destination = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                destination.take(self)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A collector that is killed resets its connections."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def down(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)
            self._server = None

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.attempts.append(time.monotonic())
        match handler.headers.get("content-encoding"):
            case "zstd":
                body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
            case "gzip":
                body = gzip.decompress(body)
        status, headers = self.answer()
        if status == 200:
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            if handler.path.endswith("/v1/metrics"):
                self.metrics.append(ExportMetricsServiceRequest.FromString(body))
            else:
                self.sizes.append(len(body))
                self.requests.append(ExportLogsServiceRequest.FromString(body))
        reply = ExportLogsServiceResponse().SerializeToString() if status == 200 else b""
        handler.send_response(status)
        for name, value in {"content-type": PROTOBUF, **headers, "content-length": str(len(reply))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        with suppress(OSError):
            handler.wfile.write(reply)

    def records(self) -> list[LogRecord]:
        """Every record that was answered with 200, in order of arrival."""
        return list(records_of(self.requests))

    def ids(self) -> list[str]:
        return [event_id(record) for record in self.records()]

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self.down()


def records_of(requests: Iterable[ExportLogsServiceRequest]) -> Iterable[LogRecord]:
    """The records of some requests."""
    for request in requests:
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                yield from scope.log_records


def event_id(record: LogRecord) -> str:
    """The id that a record of Chattrail carries, "" for another record."""
    return next((pair.value.string_value for pair in record.attributes if pair.key == "event.id"), "")
