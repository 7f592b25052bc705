#!/usr/bin/env bash
# chdb-core-lite 26.5.0 (PyPI, its only release): a double whose exponent has three digits is written without the last
# of them.
#
# `SELECT 1e300` answers 1e30, and 1.5e-100 answers 1.5e-10, in every text format and in toString(). The engine computes
# and compares with the right value, so the answer is wrong, without an error, only where it is read. chdb-core 26.9.0
# is not affected.
# Found before the engine was chosen: docs/adr/0002-embedded-clickhouse.md.
#
# Output seen:
#   chdb-core-lite 26.5.0 1e99 1e30 1.5e-10 1e30 ; equal to 1e30: 0
#   chdb-core 26.9.0      1e99 1e300 1.5e-100 1e300 ; equal to 1e30: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for package in chdb-core-lite==26.5.0 chdb-core==26.9.0; do
    python3 -m venv "$folder/$package"
    "$folder/$package/bin/pip" install --quiet --disable-pip-version-check "$package"
    "$folder/$package/bin/python" - "$package" <<'PYTHON'
import sys

import chdb

lite = "lite" in sys.argv[1]
statement = "SELECT 1e99, 1e300, 1.5e-100, toString(1e300), 1e300 = 1e30"
answer = chdb.connect(":memory:").query(statement, "TSV").bytes().decode().split()
print(sys.argv[1].replace("==", " ").ljust(21), *answer[:4], "; equal to 1e30:", answer[4])
sys.exit(answer != ["1e99", *(("1e30", "1.5e-10", "1e30") if lite else ("1e300", "1.5e-100", "1e300")), "0"])
PYTHON
done
