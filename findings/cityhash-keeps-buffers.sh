#!/usr/bin/env bash
# clickhouse-cityhash 1.0.2.6 (PyPI): CityHash128 never lets go of a bytearray or memoryview that it has hashed.
#
# It takes the buffer of what is no bytes object and does not release it. The answer is right, but from then on the bytearray
# can't grow or shrink (BufferError), a memoryview can't be released, and the memory is never freed, not even when the
# program has forgotten both: whoever hashes blocks of a bytearray that it fills and empties leaks every one of them.
# With bytes nothing is kept. Found in sidecar/embedded/block_compression.py, where a copy was to be saved.
#
# Output seen:
#   bytes     kept after hashing: no
#   bytearray resize after hashing: BufferError: Existing exports of data: object cannot be re-sized
#   bytearray of 64 MiB, hashed and forgotten 4 times: 4 still in memory
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check clickhouse-cityhash==1.0.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import sys
import weakref

from clickhouse_cityhash.cityhash import CityHash128


class Array(bytearray):
    """A bytearray that can be watched."""


assert CityHash128(b"x" * 100) == CityHash128(bytearray(b"x" * 100))
plain = b"x" * 100
before = sys.getrefcount(plain)
CityHash128(plain)
kept = sys.getrefcount(plain) > before
print("bytes     kept after hashing:", "yes" if kept else "no")
array = bytearray(100)
CityHash128(array)
try:
    array.clear()
    resized = "works"
except BufferError as error:
    resized = f"BufferError: {error}"
print("bytearray resize after hashing:", resized)
watched = []
for _ in range(4):
    large = Array(64 << 20)
    CityHash128(large)
    watched.append(weakref.ref(large))
    del large
gc.collect()
alive = sum(ref() is not None for ref in watched)
print(f"bytearray of 64 MiB, hashed and forgotten 4 times: {alive} still in memory")
sys.exit(not (not kept and resized.startswith("BufferError") and alive == 4))
PYTHON
