#!/usr/bin/env bash
# ClickHouse (chdb-core 26.9.0, engine 26.9.2.1): a view whose column's type hangs on a scalar subquery gets another type
# than its own query has, and silently cuts the values to it.
#
# An argument that decides a type, such as the scale of toDateTime64 or toDecimal64, may be a scalar subquery. A query runs
# the subquery while it is analysed, so `SELECT toDecimal64('1.25', (SELECT n FROM scale))` is a Decimal(18, 3) when n is 3.
# CREATE VIEW (and the table function view()) analyses without running subqueries and takes the default of their type, 0,
# for their value: the view's column is a Decimal(18, 0) for good. Reading from the view converts to it without an error:
# 1.25 becomes 1, and a time loses its milliseconds. `DESCRIBE (query)` and `DESCRIBE view(query)` differ in the same way.
# Found while learning an answer's columns beforehand: sidecar/embedded/native.py uses the former.
#
# Output seen:
#   query Nullable(DateTime64(3, 'UTC')) Nullable(Decimal(18, 3)) 2026-01-02 03:04:05.678 1.25
#   view  Nullable(DateTime64(0, 'UTC')) Nullable(Decimal(18, 0)) 2026-01-02 03:04:05 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb-core==26.9.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import chdb

connection = chdb.connect(":memory:")
query = (
    "SELECT toDateTime64('2026-01-02 03:04:05.678', (SELECT n FROM d.scale), 'UTC') AS t,"
    " toDecimal64('1.25', (SELECT n FROM d.scale)) AS x"
)
for statement in (
    "CREATE DATABASE d ENGINE = Atomic",
    "CREATE TABLE d.scale (n UInt8) ENGINE = Memory",
    "INSERT INTO d.scale VALUES (3)",
    f"CREATE VIEW d.v AS {query}",
):
    connection.query(statement)
seen = []
for name, source in (("query", f"({query})"), ("view ", "d.v")):
    answer = connection.query(f"SELECT toTypeName(t), toTypeName(x), t, x FROM {source}", "TSVRaw")
    seen.append(answer.bytes().decode().strip().split("\t"))
    print(name, *seen[-1])
expected = [
    ["Nullable(DateTime64(3, 'UTC'))", "Nullable(Decimal(18, 3))", "2026-01-02 03:04:05.678", "1.25"],
    ["Nullable(DateTime64(0, 'UTC'))", "Nullable(Decimal(18, 0))", "2026-01-02 03:04:05", "1"],
]
sys.exit(seen != expected)
PYTHON
