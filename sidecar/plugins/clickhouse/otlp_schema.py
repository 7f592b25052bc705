"""How an OTLP logs request looks to ClickHouse: the proto text it parses with, the column type, and the SQL that reads it.

ClickHouse has no recursive types, so AnyValue is spelled out to a depth of one nested container. A container deeper than
that is declared `bytes` in the proto text: on the wire both are length-delimited, so ClickHouse keeps the undecoded
message and nothing is lost at any depth.

Values become text beside a type name (`attributes`, `attribute_types`). Text of a nested value is OTLP/JSON, with one
addition: a container below the spelled-out depth is `{"protobuf": "<base64 of ArrayValue or KeyValueList>"}`.
`tests/support/stored.py` turns text and type back into an AnyValue.

Source of the field numbers: opentelemetry-proto, logs/v1/logs.proto and common/v1/common.proto.
"""

import tomllib
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
# Nested containers that are spelled out in fragments.toml and in otlp_logs.proto, by which ClickHouse parses a request body
# (setting `format_schema`); each level doubles the SQL, and the time ClickHouse takes to analyse it.
DEPTH = 1
PROTO = (HERE / "otlp_logs.proto").read_text()
# Numbers of fields that are none of OTLP's, by which the sidecar hands plain JSON of a body and a record's key to ClickHouse.
BODY_JSON, REQUEST, PLACE = 1000, 1001, 1002


def fragments() -> dict[str, str]:
    """Return the pieces that the migrations in sidecar/plugins/clickhouse/migrations name as `${name}`."""
    made: dict[str, str] = {}
    for name, piece in tomllib.loads((HERE / "fragments.toml").read_text()).items():
        is_text = isinstance(piece, str)
        made[name] = Template(piece).substitute(made) if is_text else made[piece["of"]].replace("@", piece["value"])
    return made
