"""The text that the views make of an array: OTLP/JSON of its values, which are scalars here."""

import re
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue

from sidecar.otlp.scan import OddRequestError
from sidecar.plugins.clickhouse.columns.texts import double_text

# ClickHouse's toJSONString puts one backslash before these; control characters and the like are for the views.
_ESCAPED: Final = re.compile(r'["\\/]')
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f\u2028\u2029]*")


def list_text(content: bytes) -> bytes:
    """Return the text of a serialized ArrayValue. Raises OddRequestError for what the views do otherwise."""
    try:
        values = ArrayValue.FromString(content)
    except DecodeError:
        raise OddRequestError from None
    if values.SerializeToString() != content:  # a field that comes twice
        raise OddRequestError
    return text_of_list(values)


def text_of_list(values: ArrayValue) -> bytes:
    """Return the text of an array. Raises OddRequestError for what the views do otherwise."""
    return b'{"arrayValue":{"values":[' + b",".join(map(_item, values.values)) + b"]}}"


def _item(value: AnyValue) -> bytes:
    match value.WhichOneof("value"):
        case None:
            return b"{}"
        case "string_value":
            if not _PLAIN.fullmatch(value.string_value):
                raise OddRequestError
            return b'{"stringValue":"%b"}' % _ESCAPED.sub(r"\\\g<0>", value.string_value).encode()
        case "int_value":
            return b'{"intValue":"%d"}' % value.int_value
        case "bool_value":
            return b'{"boolValue":true}' if value.bool_value else b'{"boolValue":false}'
        case "double_value":
            return b'{"doubleValue":"%b"}' % double_text(value.double_value)
    raise OddRequestError
