"""Set damaged queue files aside before the collector opens them: it would refuse to start, or crash while reading.

The queues are bbolt databases: two header pages, then pages of a tree. The collector's own `recreate` catches only some
of the faults. What is checked here: a header is valid, the file holds every page that it speaks of, and every page of
the tree is where it says it is. The stored events themselves have no checksums.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = struct.Struct("=QHHI")  # number, kind, count of entries, pages that it spills over
META = struct.Struct("=IIIIQQQQQQ")  # magic, version, page size, flags, root (2), free list, page count, writes, sum
BRANCH_ENTRY = struct.Struct("=IIQ")  # offset of the key, its size, page below
LEAF_ENTRY = struct.Struct("=IIII")  # flags, offset of the key, its size, size of the value
BUCKET = struct.Struct("=QQ")  # root page (0: inside the value), sequence
MAGIC, VERSION, BRANCH, LEAF, IS_BUCKET = 0xED0CDAED, 2, 1, 2, 1
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


@dataclass(frozen=True, slots=True)
class Header:
    """What a valid header page says."""

    page_size: int
    root: int
    pages: int
    writes: int


def set_damaged_aside(folder: Path) -> list[Path]:
    """Rename every damaged queue of a folder to `<name>.<time>.damaged` and return the new paths."""
    moved = []
    for file in sorted(folder.glob("exporter_*")):
        if file.is_file() and not file.suffix and not is_sound(file):
            aside = file.with_name(f"{file.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}.damaged")
            moved.append(file.rename(aside))
    return moved


def is_sound(file: Path) -> bool:
    """Whether the collector can read the queue. An empty file is one that it has yet to fill."""
    size = file.stat().st_size
    if size == 0:
        return True
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        headers = list(_headers(data))
        if not headers:
            return False
        newest = max(headers, key=lambda header: header.writes)
        return newest.page_size * newest.pages <= size and _tree_is_sound(data, newest)


def _headers(data: mmap.mmap) -> Iterator[Header]:
    first = _header(data, 0)
    if first:
        yield first
    second = _header(data, first.page_size if first else os.sysconf("SC_PAGE_SIZE"))
    if second:
        yield second


def _header(data: mmap.mmap, at: int) -> Header | None:
    at += PAGE.size
    if at + META.size > len(data):
        return None
    magic, version, page_size, _, root, _, _, pages, writes, checksum = META.unpack_from(data, at)
    if (magic, version, checksum) != (MAGIC, VERSION, _fnv1a(data[at : at + META.size - 8])):
        return None
    return Header(page_size, root, pages, writes)


def _tree_is_sound(data: mmap.mmap, header: Header) -> bool:
    waiting, seen = [header.root], set()
    while waiting:
        number = waiting.pop()
        if number in seen or not 2 <= number < header.pages:
            return False
        seen.add(number)
        at = number * header.page_size
        itself, kind, count, spill = PAGE.unpack_from(data, at)
        end = at + (spill + 1) * header.page_size
        entry_size = (BRANCH_ENTRY if kind == BRANCH else LEAF_ENTRY).size
        if itself != number or kind not in (BRANCH, LEAF) or max(end, at + PAGE.size + count * entry_size) > len(data):
            return False
        for entry in range(at + PAGE.size, at + PAGE.size + count * entry_size, entry_size):
            if kind == BRANCH:
                offset, key_size, below = BRANCH_ENTRY.unpack_from(data, entry)
                stop = entry + offset + key_size
            else:
                flags, offset, key_size, value_size = LEAF_ENTRY.unpack_from(data, entry)
                value = entry + offset + key_size
                stop = value + value_size
                below = 0
                if flags & IS_BUCKET and value + BUCKET.size <= stop <= end:
                    below = BUCKET.unpack_from(data, value)[0]
            if stop > end:
                return False
            if below:
                waiting.append(below)
    return True


def _fnv1a(data: bytes) -> int:
    value = FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFF_FFFF_FFFF_FFFF
    return value
