#!/usr/bin/env bash
# ClickHouse (chdb-core 26.9.0, engine 26.9.2.1): a skipping index on the value of a map's key, `m['text']`, is never used by
# default, though the query has the very expression of the index.
#
# `optimize_functions_to_subcolumns` is on by default and turns `m['text']` of the query into the subcolumn `m.key_text`. The index is kept
# under the expression as it was written, so nothing matches, the whole table is read, and nothing warns: the answer is right.
# Seen with a text index and with a bloom filter. With the setting off the same query reads one granule. The same index on a plain
# column is used either way.
# Found when texts of messages, which are values of a map, were to be searched by an index.
#
# Output seen (granules read of a table of 100,000 rows):
#   text index on m['text'], subcolumns=1: 12/12
#   text index on m['text'], subcolumns=0: 1/12
#   bloom filter on m['text'], subcolumns=1: 12/12
#   bloom filter on m['text'], subcolumns=0: 1/12
#   text index on s, subcolumns=1: 1/12
#   text index on s, subcolumns=0: 1/12
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb-core==26.9.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import re
import sys

import chdb

connection = chdb.connect(f"{sys.argv[1]}/data")
connection.query("CREATE DATABASE d ENGINE = Atomic")
seen = []
for table, name, kind, column, condition in (
    ("a", "text index", "text(tokenizer = splitByNonAlpha)", "m['text']", "hasAllTokens(m['text'], 'needle')"),
    ("b", "bloom filter", "bloom_filter GRANULARITY 1", "m['text']", "m['text'] = 'needle'"),
    ("c", "text index", "text(tokenizer = splitByNonAlpha)", "s", "hasAllTokens(s, 'needle')"),
):
    connection.query(
        f"CREATE TABLE d.{table} (id UInt64, m Map(String, String), s String, INDEX words {column} TYPE {kind})"
        " ENGINE = MergeTree ORDER BY id"
    )
    text = "if(number = 77777, 'needle', concat('hay', toString(number % 1000)))"
    connection.query(f"INSERT INTO d.{table} SELECT number, map('text', {text}), {text} FROM numbers(100000)")
    for on in (1, 0):
        question = f"FROM d.{table} WHERE {condition} SETTINGS optimize_functions_to_subcolumns = {on}"
        assert connection.query(f"SELECT count() {question}", "TSV").bytes() == b"1\n"
        plan = connection.query(f"EXPLAIN indexes = 1 SELECT id {question}", "TSVRaw").bytes().decode()
        seen.append(re.findall(r"Granules: (\d+/\d+)", plan)[-1])
        print(f"{name} on {column}, subcolumns={on}: {seen[-1]}")
sys.exit(seen != ["12/12", "1/12", "12/12", "1/12", "1/12", "1/12"])
PYTHON
