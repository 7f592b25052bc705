"""How an OTLP logs request looks to ClickHouse: the proto text it parses with, the column type, and the SQL that reads it.

ClickHouse has no recursive types, so AnyValue is spelled out to a depth of one nested container. A container deeper than
that is declared `bytes` in the proto text: on the wire both are length-delimited, so ClickHouse keeps the undecoded
message and nothing is lost at any depth.

Values become text beside a type name (`attributes`, `attribute_types`). Text of a nested value is OTLP/JSON, with one
addition: a container below the spelled-out depth is `{"protobuf": "<base64 of ArrayValue or KeyValueList>"}`.
`tests/support/stored.py` turns text and type back into an AnyValue.

Source of the field numbers: opentelemetry-proto, logs/v1/logs.proto and common/v1/common.proto.
"""

from pathlib import Path

# Nested containers that are spelled out, here and in otlp_logs.proto, by which ClickHouse parses a request body (setting
# `format_schema`); each level doubles the SQL, and the time ClickHouse takes to analyse it.
DEPTH = 1
PROTO = (Path(__file__).parent / "otlp_logs.proto").read_text()

# The oneof's members, in the order of the proto. The number is the field number and the Enum value.
ONEOF = (
    ("string_value", 1),
    ("bool_value", 2),
    ("int_value", 3),
    ("double_value", 4),
    ("array_value", 5),
    ("kvlist_value", 6),
    ("bytes_value", 7),
    ("string_value_strindex", 8),
)
TYPE_ENUM = "Enum8('none' = 0, " + ", ".join(f"'{name}' = {number}" for name, number in ONEOF) + ")"
IMAGE_BYTES = "chattrail.image.data"  # for the archiver; never a column
BODY_JSON = (
    1000  # number of a field that is none of OTLP's, by which the sidecar hands plain JSON of a body to ClickHouse
)
# SQL for the key of an attribute: profiles may name it by an index into a dictionary, which then is all there is of it
KEY_TEXT = "if(k = '' AND n != 0, concat('#key_strindex:', toString(n)), k)"


def any_value_type(depth: int = DEPTH) -> str:
    """Return the ClickHouse type of an AnyValue with `depth` nested containers spelled out."""
    inner = any_value_type(depth - 1) if depth else ""
    array = f"Tuple(values Array({inner}))" if depth else "String"
    kvlist = f"Tuple(values Array(Tuple(key String, value {inner}, key_strindex Int32)))" if depth else "String"
    return (
        f"Tuple(value {TYPE_ENUM}, string_value String, bool_value Bool, int_value Int64, double_value Float64,"
        f" array_value {array}, kvlist_value {kvlist}, bytes_value String, string_value_strindex Int32)"
    )


def resource_logs_type() -> str:
    """Return the type of `otlp_in.resource_logs`."""
    attributes = f"Array(Tuple(key String, value {any_value_type()}, key_strindex Int32))"
    record = (
        "Tuple(time_unix_nano UInt64, observed_time_unix_nano UInt64, severity_number Int32, severity_text String,"
        f" body {any_value_type()}, attributes {attributes}, dropped_attributes_count UInt32, flags UInt32,"
        " trace_id String, span_id String, event_name String, body_json String)"
    )
    scope = f"Tuple(name String, version String, attributes {attributes}, dropped_attributes_count UInt32)"
    resource = f"Tuple(attributes {attributes}, dropped_attributes_count UInt32, entity_refs Array(String))"
    scope_logs = f"Tuple(scope {scope}, log_records Array({record}), schema_url String)"
    return f"Array(Tuple(resource {resource}, scope_logs Array({scope_logs}), schema_url String))"


def text_of(value: str) -> str:
    """Return SQL for the text of an AnyValue: scalars as they are, bytes in base64, nested values as OTLP/JSON."""
    return (
        f"multiIf({value}.value = 'string_value', {value}.string_value, {value}.value = 'int_value', toString({value}.int_value),"
        f" {value}.value = 'double_value', toString({value}.double_value),"
        f" {value}.value = 'bool_value', if({value}.bool_value, 'true', 'false'),"
        f" {value}.value = 'bytes_value', base64Encode({value}.bytes_value),"
        f" {value}.value = 'string_value_strindex', toString({value}.string_value_strindex),"
        f" {_containers(value, DEPTH)} '')"
    )


def _json_of(value: str, depth: int) -> str:
    """Return SQL for the OTLP/JSON of an AnyValue inside a container."""
    infinite = f"if({value}.double_value > 0, 'Infinity', '-Infinity')"
    number = (
        f"multiIf(isNaN({value}.double_value), 'NaN', isInfinite({value}.double_value), {infinite},"
        f" toString({value}.double_value))"
    )
    return (
        f"multiIf({value}.value = 'string_value', concat('{{\"stringValue\":', toJSONString({value}.string_value), '}}'),"
        f" {value}.value = 'int_value', concat('{{\"intValue\":\"', toString({value}.int_value), '\"}}'),"
        f" {value}.value = 'double_value', concat('{{\"doubleValue\":\"', {number}, '\"}}'),"
        f" {value}.value = 'bool_value', if({value}.bool_value, '{{\"boolValue\":true}}', '{{\"boolValue\":false}}'),"
        f" {value}.value = 'bytes_value', concat('{{\"bytesValue\":\"', base64Encode({value}.bytes_value), '\"}}'),"
        f" {value}.value = 'string_value_strindex',"
        f" concat('{{\"stringValueStrindex\":', toString({value}.string_value_strindex), '}}'),"
        f" {_containers(value, depth)} '{{}}')"
    )


def _containers(value: str, depth: int) -> str:
    """Return the two branches of a multiIf that write an array or a key-value list."""
    if not depth:
        raw = 'concat(\'{{"{0}":{{"protobuf":"\', base64Encode({1}), \'"}}}}\')'
        array, kvlist = (
            raw.format("arrayValue", f"{value}.array_value"),
            raw.format("kvlistValue", f"{value}.kvlist_value"),
        )
    else:
        item = f"i{depth}"
        items = f"arrayStringConcat(arrayMap({item} -> {_json_of(item, depth - 1)}, {value}.array_value.values), ',')"
        index = f"if({item}.key_strindex = 0, '', concat(',\"keyStrindex\":', toString({item}.key_strindex)))"
        pair = (
            f"concat('{{\"key\":', toJSONString({item}.key), {index},"
            f" ',\"value\":', {_json_of(f'{item}.value', depth - 1)}, '}}')"
        )
        pairs = f"arrayStringConcat(arrayMap({item} -> {pair}, {value}.kvlist_value.values), ',')"
        array = f"concat('{{\"arrayValue\":{{\"values\":[', {items}, ']}}}}')"
        kvlist = f"concat('{{\"kvlistValue\":{{\"values\":[', {pairs}, ']}}}}')"
    return f"{value}.value = 'array_value', {array}, {value}.value = 'kvlist_value', {kvlist},"


def plain_json(text: str) -> str:
    """Return SQL that makes ordinary JSON of the OTLP/JSON of an array or a key-value list; what is not spelled out stays."""

    def scalar(value: str) -> str:
        strings = " ".join(
            f"JSONHas({value}, '{key}'), JSONExtractRaw({value}, '{key}'),"
            for key in ("stringValue", "boolValue", "bytesValue", "stringValueStrindex", "arrayValue", "kvlistValue")
        )
        number = f"JSONExtractString({value}, 'doubleValue')"
        return (
            f"multiIf({strings} JSONHas({value}, 'intValue'), JSONExtractString({value}, 'intValue'),"
            f" JSONHas({value}, 'doubleValue'), if(isFinite(toFloat64OrZero({number})), {number}, toJSONString({number})),"
            " 'null')"
        )

    items = f"arrayMap(i -> {scalar('i')}, JSONExtractArrayRaw({text}, 'arrayValue', 'values'))"
    member = scalar("JSONExtractRaw(p, 'value')")
    pairs = f"arrayMap(p -> concat(JSONExtractRaw(p, 'key'), ':', {member}), JSONExtractArrayRaw({text}, 'kvlistValue', 'values'))"
    return (
        f"multiIf(JSONHas({text}, 'arrayValue', 'values'), concat('[', arrayStringConcat({items}, ','), ']'),"
        f" JSONHas({text}, 'kvlistValue', 'values'), concat('{{', arrayStringConcat({pairs}, ','), '}}'), {text})"
    )


def fragments() -> dict[str, str]:
    """Return the pieces that the migrations in sidecar/plugins/clickhouse/migrations name as `${name}`."""
    return {
        "resource_logs": resource_logs_type(),
        "type_enum": TYPE_ENUM,
        "value_text": text_of("v"),
        "key_text": KEY_TEXT,
        "plain_json": plain_json("v"),
        "image_bytes": IMAGE_BYTES,
    }
