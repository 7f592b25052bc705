"""PNG without metadata: the chunks that make pixels, colours and animation, and no others.

Source: W3C Portable Network Graphics (third edition), sections 5 and 11.
"""

import struct
import zlib

from sidecar.errors import Permanent
from sidecar.plugins.images.decode.orientation import minimal_exif, orientation_of, upright
from sidecar.plugins.images.decode.parts import Stripped, broken, piece, refuse_polyglots, unpack

_KIND = "PNG"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_KEPT = _CRITICAL | {
    b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT",
}  # fmt: skip


def strip_png(content: bytes) -> Stripped:
    """Take a PNG apart and put it together without text, EXIF, time, unknown chunks and what follows its end."""
    kept: list[bytes] = []
    removed: list[bytes] = []
    orientation = 1
    announced = frames = 0
    size = (0, 0)
    has_pixels = default_is_frame = False
    at = len(_SIGNATURE)
    while True:
        (length,) = unpack(_KIND, ">I", content, at)
        name = piece(_KIND, content, at + 4, 4)
        body = piece(_KIND, content, at + 8, length)
        (crc,) = unpack(_KIND, ">I", content, at + 8 + length)
        if crc != zlib.crc32(content[at + 4 : at + 8 + length]):
            raise broken(_KIND, "a chunk with a wrong checksum")
        if (name == b"IHDR") != (at == len(_SIGNATURE)) or (name == b"IHDR" and length != 13):
            raise broken(_KIND, "a header out of place")
        chunk = content[at : at + 12 + length]
        at += 12 + length
        if name == b"IHDR":
            width, height = unpack(_KIND, ">II", body, 0)
            size = (width, height)
        elif name == b"IDAT":
            if not has_pixels:
                default_is_frame = frames > 0
            has_pixels = True
        elif name == b"acTL":
            announced, _ = unpack(_KIND, ">II", body, 0)
        elif name == b"fcTL":
            frames += 1
            _check_frame(body, size)
        elif name == b"eXIf":
            orientation = orientation_of(body)
        if name in _KEPT:
            kept.append(chunk)
        elif name[:1].isupper():
            raise Permanent("the picture can't be decoded: a critical chunk that PNG does not know")
        else:
            removed.append(body)
        if name == b"IEND":
            break
    if not has_pixels or not all(size):
        raise broken(_KIND, "no picture")
    if frames != announced:
        raise broken(_KIND, "another number of frames than announced")
    if orientation != 1:
        kept.insert(1, _chunk(b"eXIf", minimal_exif(orientation)))
    stripped = _SIGNATURE + b"".join(kept)
    refuse_polyglots(stripped, removed, content[at:])
    # a first picture that is no part of the animation is decoded too, and shown where animation isn't known
    shown = frames + (0 if default_is_frame or not frames else 1)
    return Stripped(stripped, "image/png", "png", *upright(*size, orientation), frames=max(1, shown))


def _check_frame(body: bytes, size: tuple[int, int]) -> None:
    width, height, left, top = unpack(_KIND, ">IIII", body, 4)
    if not width or not height or left + width > size[0] or top + height > size[1]:
        raise broken(_KIND, "a frame that reaches beyond the picture")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
