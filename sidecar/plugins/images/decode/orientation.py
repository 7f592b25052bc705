"""The one thing in EXIF that a viewer needs: which way up the picture is.

Source: CIPA DC-008 (Exif), section 4.6.2 for the layout, tag 0x0112 for the value: 1 upright, 2-8 turned or mirrored.
"""

import struct

_TAG, _SHORT = 0x0112, 3
_ENTRIES_READ = 512


def orientation_of(tiff: bytes) -> int:
    """Return the orientation an EXIF block states: 1 when it states none, or nonsense."""
    tiff = tiff.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for index in range(min(count, _ENTRIES_READ)):
            tag, kind, number, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * index)
            if tag == _TAG:
                return value if kind == _SHORT and number == 1 and 2 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def minimal_exif(orientation: int) -> bytes:
    """Return an EXIF block that states the orientation alone, without the `Exif` prefix that JPEG wants before it."""
    entry = struct.pack(">HHIHH", _TAG, _SHORT, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)


def upright(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return width and height as shown: five to eight lie on their side."""
    return (height, width) if orientation >= 5 else (width, height)
