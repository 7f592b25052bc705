"""An OTLP receiver on loopback, HTTP and gRPC: parses what arrives with the official classes, and keeps it.

A test can make it refuse, be busy, or accept a connection and never answer, as collectors do on bad days.
"""

import gzip
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import (
    LogsServiceServicer,
    add_LogsServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True, slots=True)
class Received:
    """A LogRecord as it arrived."""

    event_name: str
    timestamp: int
    body: Any
    severity: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    trace_id: str
    span_id: str

    @property
    def type(self) -> str:
        return self.event_name.removeprefix("chattrail.")


@dataclass(frozen=True, slots=True)
class Request:
    """An export request: where it went, its headers, and how many records and bytes it had."""

    path: str
    headers: dict[str, str]
    records: int
    size: int


@dataclass(slots=True)
class Fault:
    """How to answer instead. `hang`: never; `strikes` picks the requests it is for."""

    status: int = 503
    retry_after: str | None = None
    times: int | None = None
    hang: bool = False
    content_type: str = PROTOBUF
    strikes: Callable[[ExportLogsServiceRequest], bool] = field(default=lambda request: True)


class Inbox:
    """What both kinds of receiver share: the records, and the faults that a test orders."""

    def __init__(self) -> None:
        self.records: list[Received] = []
        self.requests: list[Request] = []
        self._changed = threading.Condition()
        self._fault: Fault | None = None
        self._hanging = threading.Event()

    def fail(self, status: int = 503, **options: Any) -> None:
        """Answer `status` from now on (or `times` times)."""
        self._fault = Fault(status, **options)

    def hang(self) -> None:
        """Take requests and never answer."""
        self._fault = Fault(hang=True)

    def recover(self) -> None:
        """Work again."""
        self._fault = None

    def wait(self, count: int, timeout: float = 10.0) -> list[Received]:
        """Wait until `count` records have arrived, and return them. Raises TimeoutError telling what did arrive."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.records) >= count, timeout):
                raise TimeoutError(f"{len(self.records)} of {count} records: {[r.type for r in self.records][-50:]}")
            return list(self.records)

    def wait_requests(self, count: int, timeout: float = 10.0) -> list[Request]:
        """Wait until `count` requests have arrived, refused ones included."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout):
                raise TimeoutError(f"{len(self.requests)} of {count} requests")
            return list(self.requests)

    def take(self, path: str, headers: dict[str, str], size: int, export: ExportLogsServiceRequest) -> Fault | None:
        """Keep a request's records, unless a fault strikes it."""
        fault = self._fault
        if fault is not None and not fault.strikes(export):
            fault = None
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._fault = None
        records = [] if fault is not None else list(_records(export))
        count = sum(len(scope.log_records) for resource in export.resource_logs for scope in resource.scope_logs)
        with self._changed:
            self.requests.append(Request(path, headers, count, size))
            self.records.extend(records)
            self._changed.notify_all()
        return fault


INFLATE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "identity": bytes,
}


class OtlpReceiver(Inbox):
    """The HTTP receiver, in a thread of its own; a context manager. `url` is the base URL."""

    def __enter__(self) -> Self:
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                encoding = self.headers.get("Content-Encoding", "identity")
                export = ExportLogsServiceRequest.FromString(INFLATE[encoding](body))
                headers = {name.lower(): value for name, value in self.headers.items()}
                fault = inbox.take(self.path, headers, len(body), export)
                if fault is None:
                    self._answer(200, ExportLogsServiceResponse().SerializeToString(), None)
                elif fault.hang:
                    inbox._hanging.wait()
                    self.close_connection = True
                else:
                    self._answer(fault.status, b"", fault.retry_after, fault.content_type)

            def _answer(self, status: int, body: bytes, retry_after: str | None, content_type: str = PROTOBUF) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                if retry_after is not None:
                    self.send_header("Retry-After", retry_after)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._hanging.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are what these tests are about."""


class OtlpGrpcReceiver(Inbox, LogsServiceServicer):
    """The gRPC receiver; a context manager. A fault's status is a gRPC status code's number."""

    def __enter__(self) -> Self:
        self._server = grpc.server(ThreadPoolExecutor(max_workers=4))
        add_LogsServiceServicer_to_server(self, self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._hanging.set()
        self._server.stop(0).wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def Export(  # noqa: N802 - the name in the service's definition
        self, request: ExportLogsServiceRequest, context: Any
    ) -> ExportLogsServiceResponse:
        headers = {name: str(value) for name, value in context.invocation_metadata()}
        fault = self.take("", headers, request.ByteSize(), request)
        if fault is not None and fault.hang:
            self._hanging.wait()
        if fault is not None:
            code = next(code for code in grpc.StatusCode if code.value[0] == fault.status)
            context.abort(code, "ordered by the test")
        return ExportLogsServiceResponse()


def decode(value: AnyValue) -> Any:
    """Turn an AnyValue into plain Python; bytes, empty strings, zeros and absence stay different."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return tuple(decode(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return _dict(value.kvlist_value.values)
    return getattr(value, kind)


def _dict(pairs: "list[KeyValue]") -> dict[str, Any]:
    return {pair.key: decode(pair.value) for pair in pairs}


def _records(export: ExportLogsServiceRequest) -> "list[Received]":
    return [
        Received(
            record.event_name,
            record.time_unix_nano,
            decode(record.body),
            record.severity_number,
            _dict(record.attributes),
            _dict(resource.resource.attributes),
            record.trace_id.hex(),
            record.span_id.hex(),
        )
        for resource in export.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def until(condition: Callable[[], object], timeout: float = 10.0, what: str = "the condition") -> None:
    """Wait for a condition of another thread that tells nobody when it changes."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(0.005)
