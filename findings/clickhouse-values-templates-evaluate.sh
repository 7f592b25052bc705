#!/usr/bin/env bash
# ClickHouse (chdb-core 26.9.0, engine 26.9.2): `input_format_values_interpret_expressions = 0` does not keep INSERT ... VALUES
# from calling functions.
#
# The manual says of this setting that it switches off the SQL parser for values that the fast parser can't read. With it off, and
# everything else at its defaults, a row such as (length('abc')) is evaluated and stored all the same: the setting
# input_format_values_deduce_templates_of_expressions, which is on, finds the shape of the expression and evaluates that. Only with both
# off is such a row an error (code 344), as one expects of the first alone.
#
# Seen: 1 row with 3, then with both settings off: Code: 344 ... Interpreting expressions is disabled. Source: pip install chdb-core.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb-core==26.9.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import chdb

connection = chdb.connect("data")
connection.query("CREATE DATABASE d ENGINE = Atomic")
connection.query("CREATE TABLE d.t (a UInt64) ENGINE = Memory")
with open("rows", "w") as file:
    file.write("(length('abc'))")


def insert(settings: str) -> str:
    try:
        connection.query(f"INSERT INTO d.t FROM INFILE 'rows' SETTINGS {settings} FORMAT Values")
    except Exception as error:
        return str(error).split(":")[1].split(".")[0].strip()
    return "stored"


one = insert("input_format_values_interpret_expressions = 0")
both = insert(
    "input_format_values_interpret_expressions = 0, input_format_values_deduce_templates_of_expressions = 0"
)
rows = connection.query("SELECT a FROM d.t", "TabSeparated").bytes().decode().split()
print("interpreting off:", one, rows, "- templates off too: error", both)
connection.close()
assert (one, rows, both) == ("stored", ["3"], "344"), "the behaviour has changed"
PYTHON
