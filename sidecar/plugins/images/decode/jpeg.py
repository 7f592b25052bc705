"""JPEG without metadata: what a decoder needs is kept byte for byte, any other segment is left out.

Source: ITU T.81 annex B; JFIF 1.02; ICC.1 annex B.4 for profiles in APP2; Adobe's APP14 says how colours are coded.
"""

import re

from sidecar.plugins.images.decode.orientation import minimal_exif, orientation_of, upright
from sidecar.plugins.images.decode.parts import Stripped, broken, cut_short, piece, refuse_polyglots, unpack

_KIND = "JPEG"
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD})  # DHT, DAC, DQT, DNL, DRI
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
# the end of a scan's data: a marker that is neither a stuffed zero, a restart, nor fill
_NEXT_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]", re.DOTALL)


def strip_jpeg(content: bytes) -> Stripped:
    """Take a JPEG apart and put it together without EXIF, XMP, IPTC, comments, thumbnails and what follows its end."""
    kept: list[bytes] = []
    removed: list[bytes] = []
    first = b""
    orientation = 1
    size: tuple[int, int] | None = None
    scans = 0
    at = 2
    while True:
        marker, at = _marker(content, at)
        if marker == _EOI:
            break
        if marker in _ALONE or marker == _SOI:
            raise broken(_KIND, "a marker out of place")
        (length,) = unpack(_KIND, ">H", content, at)
        if length < 2:
            raise broken(_KIND, "a segment without length")
        body = piece(_KIND, content, at + 2, length - 2)
        segment = b"\xff" + bytes([marker]) + content[at : at + length]
        at += length
        if marker in _FRAME:
            if size is not None:
                raise broken(_KIND, "a second frame")
            height, width = unpack(_KIND, ">HH", body, 1)
            size = (width, height)
            kept.append(segment)
        elif marker == _SOS:
            if size is None:
                raise broken(_KIND, "a scan before its frame")
            end = _NEXT_MARKER.search(content, at)
            if end is None:
                raise cut_short(_KIND)
            kept += [segment, content[at : end.start()]]
            at = end.start()
            scans += 1
        elif marker in _TABLES or (marker == _APP2 and body.startswith(b"ICC_PROFILE\0")):
            kept.append(segment)
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            kept.append(b"\xff\xee\x00\x0e" + body[:12])
        elif marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14 and not first:
            first = b"\xff\xe0\x00\x10" + body[:12] + b"\0\0"  # its density, without its thumbnail
        else:
            if marker == _APP1 and body.startswith(b"Exif\0\0") and orientation == 1:
                orientation = orientation_of(body)
            removed.append(body)
    if size is None or not scans or not all(size):
        raise broken(_KIND, "no picture")
    if orientation != 1:
        exif = b"Exif\0\0" + minimal_exif(orientation)
        first += b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    stripped = b"\xff\xd8" + first + b"".join(kept) + b"\xff\xd9"
    refuse_polyglots(stripped, removed, content[at:])
    return Stripped(stripped, "image/jpeg", "jpg", *upright(*size, orientation))


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """Return the next marker and the place after it; bytes before it, which decoders skip as well, are left out."""
    at = content.find(b"\xff", at)
    while 0 <= at < len(content) - 1:
        if content[at + 1] == 0xFF:
            at += 1
        elif content[at + 1] == 0:
            at = content.find(b"\xff", at + 2)
        else:
            return content[at + 1], at + 2
    raise cut_short(_KIND)
