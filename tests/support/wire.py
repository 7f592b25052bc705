"""Records that a collector passes on and protobuf refuses, made by hand."""

from google.protobuf.internal.encoder import _VarintBytes
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support.otlp import request

MARK = "a text that will be spoiled"
SPOILED = MARK.encode()[:-2] + b"\xff\xfe"


def spoiled(*records: LogRecord) -> bytes:
    """A request whose marked texts are not UTF-8."""
    return request(*records).replace(MARK.encode(), SPOILED)


def too_deep() -> bytes:
    """A request with one record, its body 200 lists deep."""
    value = b""
    for _ in range(200):
        value = _field(5, _field(1, value))  # AnyValue.array_value, ArrayValue.values
    return _field(1, _field(2, _field(2, _field(5, value))))  # resource_logs, scope_logs, log_records, body


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + bytes(_VarintBytes(len(content))) + content
