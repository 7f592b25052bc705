#!/usr/bin/env bash
# ClickHouse (chdb-core 26.9.0, engine 26.9.2.1): what formatQuery and SHOW CREATE write can be refused by the parser
# that read the original.
#
# `1 + 1 + 1` is read in a loop, however long it is. The formatter writes a bracket for each operator, `((1 + 1) + 1)`,
# and the parser counts five levels for a bracket: from the 200th term on its limit max_parser_depth (1000) is passed,
# while the original goes to 498 terms, where max_ast_depth ends it. So a tool that formats statements, or copies views
# by SHOW CREATE, fails with error 306 on statements that work. `-` and `*` do the same; AND and `||` are written
# without brackets.
# Met where a statement that was checked is written anew from its tree: max_parser_depth in sidecar/embedded/config.py,
# docs/adr/0018-statements-as-trees.md.
#
# Output seen (sums of so many terms; the same as formatQuery writes them; the definition of a view as SHOW CREATE
# does):
#   150 as written: 150 formatted: 150 view: 150 shown: created
#   250 as written: 250 formatted: error 306 view: 250 shown: error 306
#   498 as written: 498 formatted: error 306 view: 498 shown: error 306
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb-core==26.9.0
"$folder/venv/bin/python" - <<'PYTHON'
import re
import sys

import chdb

connection = chdb.connect(":memory:")


def ask(statement):
    try:
        return connection.query(statement, "TSVRaw").bytes().decode().strip()
    except RuntimeError as error:
        return f"error {re.search(r'Code: ([0-9]+)', str(error))[1]}"


ask("CREATE DATABASE d ENGINE = Memory")
seen = []
for terms in (150, 250, 498):
    statement = "SELECT " + " + ".join(["1"] * terms) + " AS sum"
    name = f"v{terms}"
    formatted = ask(f"SELECT formatQuerySingleLine('{statement}')")
    ask(f"CREATE VIEW d.{name} AS {statement}")
    view = ask(f"SELECT sum FROM d.{name}")
    definition = ask(f"SHOW CREATE VIEW d.{name}")
    ask(f"DROP VIEW d.{name}")
    shown = ask(definition) or "created"
    seen.append([ask(statement), ask(formatted), view, shown])
    print(terms, "as written: {} formatted: {} view: {} shown: {}".format(*seen[-1]))
sys.exit(seen != [["150", "150", "150", "created"], *([n, "error 306", n, "error 306"] for n in ("250", "498"))])
PYTHON
