#!/usr/bin/env bash
# ClickHouse (chdb-core 26.9.0, engine 26.9.2.1): `key IN f(constant array)` with a lambda in f answers right and reads the
# whole table, though `IN` with the same array by another function, or with a subquery, goes by the primary key.
#
# A client that has to pass any bytes in an Array parameter sends them encoded and writes
# `user_id IN arrayMap(key -> unhex(key), {keys:Array(String)})`. The array is constant, EXPLAIN shows it computed, and older
# engines refused the form outright (ClickHouse issue 14980). This one takes it, as a function of each row: has([...], user_id),
# "Condition: true". A constant array from arrayConcat becomes a set and prunes; so does
# `user_id IN (SELECT unhex(arrayJoin({keys:Array(String)})))`. Nothing warns but the number of rows read.
# Found on pages of one person that read all events: web/analytics/person_key.py uses the subquery.
#
# Output seen (granules read of a table of 100,000 rows):
#   IN ['77'] 1/12
#   IN arrayConcat(['77']) 1/12
#   IN (SELECT arrayJoin(['77'])) 1/12
#   IN arrayMap(key -> key, ['77']) 12/12
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
for statement in (
    "CREATE DATABASE d ENGINE = Atomic",
    "CREATE TABLE d.t (user_id String) ENGINE = MergeTree ORDER BY user_id",
    "INSERT INTO d.t SELECT toString(number) FROM numbers(100000)",
):
    connection.query(statement)
seen = []
for right in ("['77']", "arrayConcat(['77'])", "(SELECT arrayJoin(['77']))", "arrayMap(key -> key, ['77'])"):
    question = f"FROM d.t WHERE user_id IN {right}"
    assert connection.query(f"SELECT count() {question}", "TSV").bytes() == b"1\n"
    plan = connection.query(f"EXPLAIN indexes = 1 SELECT user_id {question}", "TSVRaw").bytes().decode()
    seen.append(re.findall(r"Granules: (\d+)/(\d+)", plan)[-1])
    print("IN", right, "/".join(seen[-1]))
sys.exit([int(read) < int(all_) for read, all_ in seen] != [True, True, True, False])
PYTHON
