"""JPEG, PNG, GIF and WebP without metadata: the parts that make pixels, colours and animation, copied byte for byte.

Sources: ITU T.81 annex B, JFIF 1.02, ICC.1 annex B.4, Adobe's APP14; W3C PNG (third edition), sections 5 and 11;
GIF89a, CompuServe 1990, with Netscape's loop count; RFC 9649 (WebP).
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sidecar.errors import PermanentError
from sidecar.plugins.images.decode.reader import Reader, minimal_exif, orientation_of, refuse_polyglots


@dataclass(frozen=True, slots=True)
class StrippedImage:
    """An image without its metadata. Width and height are as a viewer shows it, its orientation applied."""

    content: bytes
    media_type: str
    extension: str
    width: int
    height: int
    frames: int = 1


@dataclass(slots=True)
class _Parts:
    """What is read of a container: `kept` makes the image, `removed` is searched for other files."""

    kept: list[bytes] = field(default_factory=list)
    removed: list[bytes] = field(default_factory=list)
    size: tuple[int, ...] = (0, 0)
    frames: int = 1
    orientation: int = 1


def strip(content: bytes) -> StrippedImage:
    """Remove metadata from an image, by what its bytes say it is. Raises PermanentError when it is none, broken, or a polyglot."""
    for kind, (signature, extension, read) in _FORMATS.items():
        if signature.match(content):
            image = Reader(kind, content)
            parts = read(image)
            if not all(parts.size):
                raise image.broken("no image")
            stripped = b"".join(parts.kept)
            refuse_polyglots(stripped, parts.removed, content[image.at :])
            width, height = parts.size if parts.orientation < 5 else parts.size[::-1]
            return StrippedImage(stripped, f"image/{kind.lower()}", extension, width, height, parts.frames)
    raise PermanentError("the bytes are not a JPEG, PNG, WebP or GIF image")


_EOI, _SOS, _SOI = 0xD9, 0xDA, 0xD8
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD})  # DHT, DAC, DQT, DNL, DRI
_WITHOUT_LENGTH = frozenset({0x01, _SOI, *range(0xD0, 0xD8)})
_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)  # a stuffed zero is skipped, as decoders do
# the end of a scan's data: a marker that is neither a stuffed zero, a restart, nor fill
_SCAN_END = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]", re.DOTALL)


def _read_jpeg(image: Reader) -> _Parts:
    parts, scans, jfif = _Parts(), 0, b""
    image.at = 2
    while (marker := _next_marker(image)) != _EOI:
        if marker in _WITHOUT_LENGTH:
            raise image.broken("a marker out of place")
        start = image.at - 2
        (length,) = image.integers(">H")
        if length < 2:
            raise image.broken("a segment without length")
        body = image.take(length - 2)
        segment = image.content[start : image.at]
        if marker in _FRAME:
            if parts.size != (0, 0):
                raise image.broken("a second frame")
            parts.size = Reader(image.kind, body, 1).integers(">HH")[::-1]
            parts.kept.append(segment)
        elif marker == _SOS:
            if parts.size == (0, 0):
                raise image.broken("a scan before its frame")
            end = _SCAN_END.search(image.content, image.at)
            if end is None:
                raise image.cut_short()
            parts.kept += [segment, image.take(end.start() - image.at)]
            scans += 1
        elif marker in _TABLES or (marker == _APP2 and body.startswith(b"ICC_PROFILE\0")):
            parts.kept.append(segment)
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:  # how colours are coded
            parts.kept.append(b"\xff\xee\x00\x0e" + body[:12])
        elif marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 14 and not jfif:
            jfif = b"\xff\xe0\x00\x10" + body[:12] + b"\0\0"  # its density, without its thumbnail
        else:
            if marker == _APP1 and body.startswith(b"Exif\0\0") and parts.orientation == 1:
                parts.orientation = orientation_of(body)
            parts.removed.append(body)
    if not scans:
        raise image.broken("no image")
    exif = b"Exif\0\0" + minimal_exif(parts.orientation)
    turned = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif if parts.orientation != 1 else b""
    parts.kept = [b"\xff\xd8", jfif, turned, *parts.kept, b"\xff\xd9"]
    return parts


def _next_marker(image: Reader) -> int:
    found = _MARKER.search(image.content, image.at)
    if found is None:
        raise image.cut_short()
    image.at = found.end()
    return found[1][0]


_PNG_KEPT = frozenset({
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI",
    b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
})  # fmt: skip


def _read_png(image: Reader) -> _Parts:
    parts, announced, frames, default_is_frame = _Parts(kept=[image.take(8)]), 0, 0, None
    name = b""
    while name != b"IEND":
        start = image.at
        (length,) = image.integers(">I")
        name, body = image.take(4), image.take(length)
        if image.integers(">I") != (zlib.crc32(body, zlib.crc32(name)),):
            raise image.broken("a chunk with a wrong checksum")
        if (name == b"IHDR") != (start == 8) or (name == b"IHDR" and length != 13):
            raise image.broken("a header out of place")
        if name == b"IHDR":
            parts.size = struct.unpack_from(">II", body)
        elif name == b"IDAT" and default_is_frame is None:
            default_is_frame = frames > 0
        elif name == b"acTL":
            announced, _ = Reader(image.kind, body).integers(">II")
        elif name == b"fcTL":
            frames += 1
            width, height, left, top = Reader(image.kind, body, 4).integers(">IIII")
            if not width or not height or left + width > parts.size[0] or top + height > parts.size[1]:
                raise image.broken("a frame that reaches beyond the image")
        elif name == b"eXIf":
            parts.orientation = orientation_of(body)
        if name in _PNG_KEPT:
            parts.kept.append(image.content[start : image.at])
        elif name[:1].isupper():
            raise PermanentError("the image can't be decoded: a critical chunk that PNG does not know")
        else:
            parts.removed.append(body)
    if default_is_frame is None:
        raise image.broken("no image")
    if frames != announced:
        raise image.broken("another number of frames than announced")
    if parts.orientation != 1:
        exif = b"eXIf" + minimal_exif(parts.orientation)
        parts.kept.insert(2, struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif)))
    # a first image that is no part of the animation is decoded too, and shown where animation isn't known
    parts.frames = max(1, frames + (frames > 0 and not default_is_frame))
    return parts


_GIF_EXTENSION, _GIF_IMAGE, _GIF_TRAILER, _GIF_PADDING = 0x21, 0x2C, 0x3B, 0x00
_GIF_CONTROL, _GIF_APPLICATION = 0xF9, 0xFF


def _read_gif(image: Reader) -> _Parts:
    parts, loops = _Parts(frames=0), False
    image.at = 6
    width, height, flags = image.integers("<HHB")
    image.take(2 + _color_table(flags))
    parts.size = (width, height)
    parts.kept.append(image.content[: image.at])
    while (block := image.take(1)[0]) != _GIF_TRAILER:
        start = image.at - 1
        if block == _GIF_EXTENSION:
            label, blocks = image.take(1)[0], _sub_blocks(image)
            whole = image.content[start : image.at]
            if label == _GIF_CONTROL and [*map(len, blocks)] == [4]:
                parts.kept.append(whole)
            elif label == _GIF_APPLICATION and not loops and _is_loop_count(blocks):
                loops = True
                parts.kept.append(whole[:14] + b"\x03" + blocks[1] + b"\0")
            else:  # XMP in GIF does not keep to sub-blocks: its text is whole in the raw bytes
                parts.removed.append(b"".join(blocks) + b"\n" + whole)
        elif block == _GIF_IMAGE:
            left, top, wide, high, flags = image.integers("<HHHHB")
            if not wide or not high or left + wide > width or top + high > height:
                raise image.broken("a frame that reaches beyond the image")
            image.take(_color_table(flags) + 1)
            _sub_blocks(image)
            parts.kept.append(image.content[start : image.at])
            parts.frames += 1
        elif block != _GIF_PADDING:  # some writers leave an empty block between two others
            raise image.broken("an unknown block")
    if not parts.frames:
        raise image.broken("no image")
    parts.kept.append(b";")
    return parts


def _color_table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _sub_blocks(image: Reader) -> list[bytes]:
    """Read a chain of blocks, each after a byte with its length; a zero ends it."""
    found = []
    while length := image.take(1)[0]:
        found.append(image.take(length))
    return found


def _is_loop_count(blocks: list[bytes]) -> bool:
    if len(blocks) < 2 or blocks[0] not in (b"NETSCAPE2.0", b"ANIMEXTS1.0"):
        return False
    return len(blocks[1]) == 3 and blocks[1][0] == 1


_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_IN_FRAME = frozenset({b"VP8 ", b"VP8L", b"ALPH"})
_HAS_XMP, _HAS_EXIF, _HAS_ICC = 0x04, 0x08, 0x20


def _read_webp(image: Reader) -> _Parts:
    parts, kept = _Parts(), list[tuple[bytes, bytes]]()
    image.at = 4
    (length,) = image.integers("<I")
    for name, body in _chunks(image.take(length)[4:]):
        if name == b"ANMF":  # a frame: a header, then chunks
            frame = [Reader(image.kind, body).take(16)]
            for inner, content in _chunks(body[16:]):
                if inner in _WEBP_IN_FRAME:
                    frame.append(_webp_chunk(inner, content))
                else:
                    parts.removed.append(content)
            kept.append((name, b"".join(frame)))
        elif name in _WEBP_KEPT:
            kept.append((name, body))
        else:
            if name == b"EXIF":
                parts.orientation = orientation_of(body)
            parts.removed.append(body)
    names = [name for name, _ in kept]
    if not names or names[0] not in (b"VP8 ", b"VP8L", b"VP8X") or names.count(b"VP8X") > 1:
        raise image.broken("no image")
    parts.size = _webp_size(image, *kept[0])
    if names[0] == b"VP8X":
        header = kept[0][1]
        flags = header[0] & ~(_HAS_XMP | _HAS_EXIF | _HAS_ICC) | _HAS_ICC * (b"ICCP" in names)
        if parts.orientation != 1:
            flags |= _HAS_EXIF
            kept.append((b"EXIF", minimal_exif(parts.orientation)))
        kept[0] = (b"VP8X", bytes([flags]) + header[1:])
    else:
        kept, parts.orientation = kept[:1], 1  # the simple form has one chunk
    content = b"WEBP" + b"".join(_webp_chunk(*chunk) for chunk in kept)
    parts.kept = [_webp_chunk(b"RIFF", content)]
    parts.frames = max(1, names.count(b"ANMF"))
    return parts


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    image = Reader("WebP", content)
    while image.at < len(content):
        name, (length,) = image.take(4), image.integers("<I")
        yield name, image.take(length)
        image.at += length % 2


def _webp_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _webp_size(image: Reader, name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8X":
        if len(body) != 10:
            raise image.broken("a header of a wrong length")
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8L" and body[:1] == b"\x2f":
        (bits,) = Reader(image.kind, body, 1).integers("<I")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = Reader(image.kind, body, 6).integers("<HH")
        return width & 0x3FFF, height & 0x3FFF
    raise image.broken("no image")


_FORMATS: dict[str, tuple[re.Pattern[bytes], str, Callable[[Reader], _Parts]]] = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), "jpg", _read_jpeg),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), "png", _read_png),
    "GIF": (re.compile(rb"GIF8[79]a"), "gif", _read_gif),
    "WebP": (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "webp", _read_webp),
}
