"""What the records of a scope share, as contents of columns: resource and scope."""

from dataclasses import dataclass

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs

from sidecar.otlp.scan import ARRAY, BOOL, DOUBLE, INT, NONE, STRING, OddRequestError
from sidecar.otlp.wire import Origin
from sidecar.plugins.clickhouse.columns.lists import text_of_list
from sidecar.plugins.clickhouse.columns.texts import double_text


@dataclass(frozen=True, slots=True)
class Shared:
    """Resource and scope of records. Pairs are key, text and kind."""

    scope_name: bytes
    scope_version: bytes
    scope_schema_url: bytes
    scope_dropped: int
    scope_pairs: list[tuple[bytes, bytes, int]]
    resource_schema_url: bytes
    resource_dropped: int
    resource_pairs: list[tuple[bytes, bytes, int]]

    @classmethod
    def of(cls, origin: Origin) -> "Shared":
        """Read it. Raises OddRequestError for what the views do otherwise."""
        try:
            entry, scope = ResourceLogs.FromString(origin.head), ScopeLogs.FromString(origin.scope_head)
        except DecodeError:
            raise OddRequestError from None
        # a field that comes twice is for the views
        if entry.SerializeToString() != origin.head or scope.SerializeToString() != origin.scope_head:
            raise OddRequestError
        if entry.resource.entity_refs:
            raise OddRequestError
        return cls(
            scope.scope.name.encode(), scope.scope.version.encode(), scope.schema_url.encode(),
            scope.scope.dropped_attributes_count, [_pair(pair) for pair in scope.scope.attributes],
            entry.schema_url.encode(), entry.resource.dropped_attributes_count,
            [_pair(pair) for pair in entry.resource.attributes],
        )  # fmt: skip

    def attribute(self, key: str) -> bytes:
        """The text of a resource's attribute, "" where it has none."""
        return next((value for name, value, _ in self.resource_pairs if name == key.encode()), b"")


def _pair(pair: KeyValue) -> tuple[bytes, bytes, int]:
    if pair.key_strindex:
        raise OddRequestError
    match pair.value.WhichOneof("value"):
        case None:
            return pair.key.encode(), b"", NONE
        case "string_value":
            return pair.key.encode(), pair.value.string_value.encode(), STRING
        case "int_value":
            return pair.key.encode(), str(pair.value.int_value).encode(), INT
        case "bool_value":
            return pair.key.encode(), b"true" if pair.value.bool_value else b"false", BOOL
        case "double_value":
            return pair.key.encode(), double_text(pair.value.double_value), DOUBLE
        case "array_value":
            return pair.key.encode(), text_of_list(pair.value.array_value), ARRAY
    raise OddRequestError
