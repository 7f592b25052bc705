"""Encodes batches as OTLP, the same bytes that the SDK's encoder gives, without a protobuf message.

Each message that is made by itself is a block of memory, and for every 10,000 that are freed protobuf takes the free pages of the
whole process from it (findings/protobuf-python-trims-the-whole-heap.sh): handlers that upload would wait for page faults.
Format: https://github.com/open-telemetry/opentelemetry-proto and https://protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import pack

from opentelemetry.sdk.resources import Resource

from chattrail.sanitize import sanitize

_BYTE = [bytes((number,)) for number in range(0x80)]
_TEXT, _BOOL, _INT, _DOUBLE, _ARRAY, _MAP, _BYTES = b"\x0a", b"\x10", b"\x18", b"\x21", b"\x2a", b"\x32", b"\x3a"


def request(resource: Resource, scope: str, records: Iterable[bytes]) -> bytes:
    """Return an ExportLogsServiceRequest of encoded records."""
    attributes = b"".join(_field(b"\x0a", _pair(name, sanitize(value))) for name, value in resource.attributes.items())
    logs = b"".join((_field(b"\x0a", _field(b"\x0a", scope.encode())), *(_field(b"\x12", one) for one in records)))
    schema = _field(b"\x1a", resource.schema_url.encode()) if resource.schema_url else b""
    return _field(b"\x0a", _field(b"\x0a", attributes) + _field(b"\x12", logs) + schema)


def log_record(
    name: str,
    timestamp: int,
    observed: int,
    severity: tuple[int, str],
    body: str,
    attributes: Mapping[str, object],
    trace: tuple[int, int, int] | None,
) -> bytes:
    """Return a LogRecord. `trace` is the ids of trace and span, and the flags."""
    parts = [
        b"\x09", pack("<Q", timestamp), b"\x10", _varint(severity[0]), _field(b"\x1a", severity[1].encode()),
        _field(b"\x2a", _value(body)),
    ]  # fmt: skip
    parts.append(attribute_fields(attributes))
    if trace is not None:
        flags = b"\x45" + pack("<I", trace[2]) if trace[2] else b""
        parts += [flags, b"\x4a\x10", trace[0].to_bytes(16, "big"), b"\x52\x08", trace[1].to_bytes(8, "big")]
    parts += [b"\x59", pack("<Q", observed), _field(b"\x62", name.encode())]
    return b"".join(parts)


def attribute_fields(values: Mapping[str, object]) -> bytes:
    """Return attributes of a LogRecord: fields of it, which may follow all others."""
    return b"".join([_field(b"\x32", _pair(key, value)) for key, value in values.items()])


def _pair(key: str, value: object) -> bytes:
    return _key(key) + _field(b"\x12", _value(value))


@lru_cache(512)
def _key(key: str) -> bytes:
    return _field(b"\x0a", key.encode())


def _value(value: object) -> bytes:
    """Return an AnyValue. Raises TypeError for what it cannot hold."""
    kind = type(value)
    if kind is str:
        return _field(_TEXT, value.encode())  # type: ignore[attr-defined]
    if kind is bool:
        return b"\x10\x01" if value else b"\x10\x00"
    if kind is int:
        return _INT + _varint(value & 0xFFFF_FFFF_FFFF_FFFF)  # type: ignore[operator]
    if kind is float:
        return _DOUBLE + pack("<d", value)
    if kind is bytes:
        return _field(_BYTES, value)  # type: ignore[arg-type]
    if value is None:
        return b""
    if isinstance(value, Mapping):
        return _field(_MAP, b"".join(_field(b"\x0a", _pair(str(key), item)) for key, item in value.items()))
    if isinstance(value, tuple | list):
        return _field(_ARRAY, b"".join(_field(b"\x0a", _value(item)) for item in value))
    raise TypeError(f"a value of type {kind.__name__} cannot be encoded")


def _field(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (_BYTE[size] if size < 0x80 else _varint(size)) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
