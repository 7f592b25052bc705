"""Set damaged queue files aside before the collector opens them: it would refuse to start, or crash while reading.

The queues are bbolt databases. The collector itself replaces a file whose pages are damaged (`recreate`), but not one
whose two header pages are, nor one that was cut short. Layout: https://pkg.go.dev/go.etcd.io/bbolt#DB
"""

import os
import struct
from datetime import UTC, datetime
from pathlib import Path

PAGE_HEADER = 16
META = struct.Struct("=IIIIQQQQQQ")  # magic, version, page size, flags, root (2), free list, high water mark, txid, sum
MAGIC, VERSION = 0xED0CDAED, 2
FNV_OFFSET, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def set_damaged_aside(folder: Path) -> list[Path]:
    """Rename every damaged queue of a folder to `<name>.<time>.damaged` and return the new paths."""
    moved = []
    for file in sorted(folder.glob("exporter_*")):
        if file.is_file() and not file.suffix and not is_sound(file):
            aside = file.with_name(f"{file.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}.damaged")
            moved.append(file.rename(aside))
    return moved


def is_sound(file: Path) -> bool:
    """Whether one of the header pages is valid and the file holds every page it speaks of. An empty file is new."""
    size = file.stat().st_size
    if size == 0:
        return True
    with file.open("rb") as stream:
        first = stream.read(PAGE_HEADER + META.size)
        page_sizes = {
            os.sysconf("SC_PAGE_SIZE"),
            *(META.unpack_from(first, PAGE_HEADER)[2:3] if _is_meta(first) else ()),
        }
        metas = [first]
        for page_size in page_sizes:
            stream.seek(page_size)
            metas.append(stream.read(PAGE_HEADER + META.size))
    for page in metas:
        if _is_meta(page):
            fields = META.unpack_from(page, PAGE_HEADER)
            page_size, pages = fields[2], fields[7]
            if page_size * pages <= size:
                return True
    return False


def _is_meta(page: bytes) -> bool:
    if len(page) < PAGE_HEADER + META.size:
        return False
    magic, version, *_, checksum = META.unpack_from(page, PAGE_HEADER)
    return (magic, version, checksum) == (MAGIC, VERSION, _fnv1a(page[PAGE_HEADER : PAGE_HEADER + META.size - 8]))


def _fnv1a(data: bytes) -> int:
    value = FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFF_FFFF_FFFF_FFFF
    return value
