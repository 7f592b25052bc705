"""Every way to send the collector a request: encodings, compressions, transports. Each tells the answer in words."""

import gzip
import http.client
import json
import zlib
from collections.abc import Callable
from contextlib import closing

import grpc
import zstandard
from google.protobuf.json_format import MessageToJson
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

from tests.support.collector_process import PROTOBUF, Collector

JSON = "application/json"


def _grpc(collector: Collector, body: bytes, compression: grpc.Compression) -> str:
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(collector.grpc, options=options, compression=compression) as channel:
        try:
            LogsServiceStub(channel).Export(ExportLogsServiceRequest.FromString(body), timeout=60)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return ""


def _http(collector: Collector, body: bytes, **headers: str) -> str:
    status, answer = collector.answer(body, **{name.replace("_", "-"): value for name, value in headers.items()})
    if status == 200:
        return ""
    message = (
        json.loads(answer)["message"] if headers.get("content_type") == JSON else Status.FromString(answer).message
    )
    return f"{status}: {message}"


def _json(body: bytes) -> bytes:
    return str(MessageToJson(ExportLogsServiceRequest.FromString(body), indent=None)).encode()


def _chunked(collector: Collector, body: bytes) -> str:
    with closing(http.client.HTTPConnection(collector.http.removeprefix("http://"), timeout=60)) as connection:
        chunks = (body[at : at + (1 << 20)] for at in range(0, len(body), (1 << 20)))
        connection.request("POST", "/v1/logs", chunks, {"content-type": PROTOBUF}, encode_chunked=True)
        answer = connection.getresponse()
        content = answer.read()
        return "" if answer.status == 200 else f"{answer.status}: {Status.FromString(content).message}"


# Each sends a protobuf request its own way, and returns "" for an acknowledgement or the refusal, code and message.
Send = Callable[[Collector, bytes], str]
WAYS: dict[str, Send] = {
    "protobuf": _http,
    "json": lambda to, body: _http(to, _json(body), content_type=JSON),
    "gzip": lambda to, body: _http(to, gzip.compress(body, 1), content_encoding="gzip"),
    "deflate": lambda to, body: _http(to, zlib.compress(body, 1), content_encoding="deflate"),
    "zstd": lambda to, body: _http(to, zstandard.compress(body), content_encoding="zstd"),
    "json-gzip": lambda to, body: _http(to, gzip.compress(_json(body)), content_type=JSON, content_encoding="gzip"),
    "chunked": lambda to, body: _chunked(to, body),
    "grpc": lambda to, body: _grpc(to, body, grpc.Compression.NoCompression),
    "grpc-gzip": lambda to, body: _grpc(to, body, grpc.Compression.Gzip),
}
