"""WebP without metadata: pixels, transparency, animation and colour profile, and no other chunk.

Source: RFC 9649.
"""

import struct

from sidecar.plugins.images.decode.orientation import minimal_exif, orientation_of, upright
from sidecar.plugins.images.decode.parts import Stripped, broken, cut_short, piece, refuse_polyglots, unpack

_KIND = "WebP"
_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_IN_FRAME = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_HAS_XMP, _HAS_EXIF, _HAS_ICC = 0x04, 0x08, 0x20
_FRAME_HEADER = 16


def strip_webp(content: bytes) -> Stripped:
    """Take a WebP apart and put it together without EXIF, XMP, unknown chunks and what follows its end."""
    (riff,) = unpack(_KIND, "<I", content, 4)
    end = 8 + riff
    if end > len(content):
        raise cut_short(_KIND)
    kept: list[tuple[bytes, bytes]] = []
    removed: list[bytes] = []
    orientation = 1
    for name, body in _chunks(content[12:end]):
        if name == b"ANMF":
            kept.append((name, _frame(body, removed)))
        elif name in _KEPT:
            kept.append((name, body))
        else:
            if name == b"EXIF":
                orientation = orientation_of(body)
            removed.append(body)
    names = [name for name, _ in kept]
    if not names or names[0] not in (b"VP8 ", b"VP8L", b"VP8X") or names.count(b"VP8X") > 1:
        raise broken(_KIND, "no picture")
    if names[0] == b"VP8X":
        if len(kept[0][1]) != 10:
            raise broken(_KIND, "a header of a wrong length")
        if orientation != 1:
            kept.append((b"EXIF", minimal_exif(orientation)))
        kept[0] = (b"VP8X", _flags(kept[0][1], exif=orientation != 1, icc=b"ICCP" in names))
    else:
        kept, orientation = kept[:1], 1  # the simple form has one chunk
    body = b"WEBP" + b"".join(_chunk(name, part) for name, part in kept)
    stripped = b"RIFF" + struct.pack("<I", len(body)) + body
    refuse_polyglots(stripped, removed, content[end:])
    size = _size(*kept[0])
    return Stripped(
        stripped, "image/webp", "webp", *upright(*size, orientation), frames=max(1, names.count(b"ANMF"))
    )  # fmt: skip


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(content):
        name = piece(_KIND, content, at, 4)
        (length,) = unpack(_KIND, "<I", content, at + 4)
        found.append((name, piece(_KIND, content, at + 8, length)))
        at += 8 + length + length % 2
    return found


def _frame(body: bytes, removed: list[bytes]) -> bytes:
    header = piece(_KIND, body, 0, _FRAME_HEADER)
    parts = _chunks(body[_FRAME_HEADER:])
    removed += [part for name, part in parts if name not in _IN_FRAME]
    return header + b"".join(_chunk(name, part) for name, part in parts if name in _IN_FRAME)


def _flags(header: bytes, *, exif: bool, icc: bool) -> bytes:
    flags = header[0] & ~(_HAS_XMP | _HAS_EXIF | _HAS_ICC)
    return bytes([flags | _HAS_EXIF * exif | _HAS_ICC * icc]) + header[1:]


def _size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8L" and body[:1] == b"\x2f":
        (bits,) = unpack(_KIND, "<I", body, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = unpack(_KIND, "<HH", body, 6)
        if width & 0x3FFF and height & 0x3FFF:
            return width & 0x3FFF, height & 0x3FFF
    raise broken(_KIND, "no picture")


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
