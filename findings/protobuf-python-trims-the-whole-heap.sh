#!/usr/bin/env bash
# protobuf 7.36.2 for Python on glibc (4.25.8, 5.29.5 and 6.33.0 import the same function): for every 10,000 blocks of memory
# that its messages free, it calls malloc_trim(0) for the whole process.
#
# Each Python message that is made by itself has an arena, and with it at least one block. An encoder that makes a message for
# each value and one for each attribute, as OpenTelemetry's exporters do, frees some 50 blocks for a log record: 200 records are a
# trim. It holds the interpreter's lock meanwhile, and gives the operating system every free page of every heap, those that the
# program's other threads are about to use again: a buffer of 8 MB that was free of page faults costs 2,048 of them the next time.
# Messages made inside of one another by `add()` share an arena and do not count. One that is reached through a field that was not
# set yet (`pair.value.string_value = ...`) costs its parent a block all the same: a note of which unset fields it has handed out.
#
# Source: upb_trim_allocfunc in python/protobuf.c of protobuf.
# Met as a bot's handlers that upload files and took a millisecond more each time that telemetry had been sent.
#
# Output seen:
#   page faults of a buffer of 8 MB, used again: 0
#   ... after 9,000 messages of their own: 0
#   ... after 12,000 messages of their own: 2048
#   ... after 12,000 messages inside of another: 0
#   ... after 12,000 messages in unset fields of those: 1566
set -euo pipefail
[ "$(uname -s)" = Linux ] && getconf GNU_LIBC_VERSION > /dev/null || { echo "needs Linux with glibc"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check protobuf==7.36.2
"$folder/venv/bin/python" - <<'PYTHON'
import resource
import sys

from google.protobuf.struct_pb2 import ListValue, Value

SIZE = 8 * 1024 * 1024


def faults():
    """Return how many page faults it takes to fill a buffer, which is freed at once."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    bytearray(b"x") * SIZE
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before


def apart(count):
    for _ in range(count):
        Value(string_value="x")


def inside(count):
    everything = ListValue()
    for _ in range(count):
        everything.values.add().string_value = "x"


def in_unset_fields(count):
    everything = ListValue()
    for _ in range(count):
        everything.values.add().list_value.values.add().string_value = "x"


for _ in range(5):  # until the allocator keeps the buffer
    used_again = faults()
apart(9_000)
few = faults()
apart(12_000 - 9_000)
many = faults()
faults()
inside(12_000)
together = faults()
in_unset_fields(12_000)
unset = faults()
print(f"page faults of a buffer of 8 MB, used again: {used_again}")
print(f"... after 9,000 messages of their own: {few}")
print(f"... after 12,000 messages of their own: {many}")
print(f"... after 12,000 messages inside of another: {together}")
print(f"... after 12,000 messages in unset fields of those: {unset}")
sys.exit(not (used_again < 100 and few < 100 and many > 1_500 and together < 100 and unset > 1_000))
PYTHON
