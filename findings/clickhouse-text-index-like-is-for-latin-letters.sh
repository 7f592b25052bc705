#!/usr/bin/env bash
# ClickHouse (chdb-core 26.9.0, engine 26.9.2.1): a text index speeds up `LIKE '%needle%'` by looking through its dictionary
# (`use_text_index_like_evaluation_by_dictionary_scan`), but only for needles of Latin letters and digits.
#
# A Cyrillic needle reads the whole table, with the same index, tokenizer and setting, though `hasAllTokens` finds the same word by
# the index. And of the tokenizers, `unicodeWord` makes a token of each Cyrillic letter, `splitByNonAlpha` keeps a word with the
# quotation marks « » around it and joins two that a no-break space parts; `splitByRegexp` with a class of Unicode does neither.
# So who searches Russian texts by prefix needs words that were split before, or another kind of query, than who searches English ones.
#
# Output seen (granules read of a table of 100,000 rows):
#   LIKE '%needle%' 1/12
#   LIKE '%иголка%' 12/12
#   hasAllTokens 'иголка' 1/12
#   unicodeWord ['«', 'м', 'и', 'р', '»', '\xa0', 'д', 'а']
#   splitByNonAlpha ['«мир»\xa0да']
#   splitByRegexp ['мир', 'да']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check chdb-core==26.9.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import json
import re
import sys

import chdb

connection = chdb.connect(f"{sys.argv[1]}/data")
connection.query("CREATE DATABASE d ENGINE = Atomic")
connection.query(
    "CREATE TABLE d.t (id UInt64, s String, INDEX words s TYPE text(tokenizer = splitByNonAlpha)) ENGINE = MergeTree ORDER BY id"
)
connection.query(
    "INSERT INTO d.t SELECT number, if(number = 77777, 'needle иголка', concat('hay', toString(number % 1000))) FROM numbers(100000)"
)
seen = []
for name, condition in (
    ("LIKE '%needle%'", "s LIKE '%needle%'"),
    ("LIKE '%иголка%'", "s LIKE '%иголка%'"),
    ("hasAllTokens 'иголка'", "hasAllTokens(s, 'иголка')"),
):
    assert connection.query(f"SELECT count() FROM d.t WHERE {condition}", "TSV").bytes() == b"1\n"
    plan = connection.query(f"EXPLAIN indexes = 1 SELECT id FROM d.t WHERE {condition}", "TSVRaw").bytes().decode()
    seen.append(re.findall(r"Granules: (\d+/\d+)", plan)[-1])
    print(name, seen[-1])
for tokenizer in ("'unicodeWord'", "'splitByNonAlpha'", r"'splitByRegexp', '[^\\p{L}]+'"):
    answer = connection.query(f"SELECT tokens('«мир»\u00a0да', {tokenizer}) AS found", "JSONEachRow").bytes()
    seen.append(json.loads(answer)["found"])
    print(tokenizer.split(",")[0].strip("'"), seen[-1])
letters, joined, words = seen[3:]
as_seen = seen[:3] == ["1/12", "12/12", "1/12"] and letters[-2:] == ["д", "а"] and len(joined) == 1
sys.exit(not (as_seen and words == ["мир", "да"]))
PYTHON
