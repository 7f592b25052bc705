#!/usr/bin/env bash
# clickhouse-connect 1.12.0: inserting one large String allocates up to 2 GiB at once, and the value stays in memory until
# Python's cyclic collector runs.
#
# Serializing a block with one value of a few megabytes takes a buffer many times its size: 2 GB for 31 MB, as
# tracemalloc counts it. Most of it is never touched, so the resident size does not tell; a limit of the address space
# (`ulimit -v`, strict overcommit) does, by a MemoryError.
# InsertContext keeps a bound method of itself (`_next_block_data`), a reference cycle. Its rows are let go by the cyclic
# collector alone, which counts objects and not bytes: a program that makes few of them keeps a large value for long.
# Found while looking for what a sidecar still held after a large dead letter: sidecar/plugins/clickhouse/rows.py.
#
# Output seen:
#   a value of 31 MB: largest allocation 2046 MB; alive after the insert: True; after gc.collect(): False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check clickhouse-connect==1.12.0
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import sys
import tracemalloc
import weakref

from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.insert import InsertContext
from clickhouse_connect.driver.transform import NativeTransform


class Row(list):
    """A list that can be watched."""


gc.disable()
row = Row([b"x" * 31_000_000])
watched = weakref.ref(row)
tracemalloc.start()
context = InsertContext("t", ["a"], [get_from_name("String")], data=[row])
size = sum(len(block) for block in NativeTransform().build_insert(context))
peak = tracemalloc.get_traced_memory()[1]
del row, context
alive = watched() is not None
gc.collect()
after = watched() is not None
print(f"a value of {size // 1_000_000} MB: largest allocation {peak // 1_000_000} MB; "
      f"alive after the insert: {alive}; after gc.collect(): {after}")
sys.exit(0 if peak > 10 * size and (alive, after) == (True, False) else 1)
PYTHON
