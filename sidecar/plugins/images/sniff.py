"""What kind of picture some bytes are, told by the bytes alone: JPEG, PNG, WebP or GIF, and its width and height."""

import struct
from dataclasses import dataclass

from sidecar.errors import Permanent


@dataclass(frozen=True, slots=True)
class Picture:
    """Kind and size in pixels, as the header states them."""

    content_type: str
    extension: str
    width: int
    height: int


def sniff(content: bytes, max_pixels: int) -> Picture:
    """Recognise a picture. Raises Permanent for anything else, a broken header, or more than `max_pixels`."""
    try:
        picture = _recognise(content)
    except (struct.error, IndexError):
        raise Permanent("the picture's header is cut short") from None
    if picture is None:
        raise Permanent("the bytes are not a JPEG, PNG, WebP or GIF picture")
    if not picture.width or not picture.height:
        raise Permanent("the picture's header states no size")
    if picture.width * picture.height > max_pixels:
        raise Permanent(f"the picture has more than {max_pixels} pixels")
    return picture


def _recognise(content: bytes) -> Picture | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return Picture("image/png", "png", *struct.unpack_from(">II", content, 16))
    if content.startswith((b"GIF87a", b"GIF89a")):
        return Picture("image/gif", "gif", *struct.unpack_from("<HH", content, 6))
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Picture("image/webp", "webp", *_webp_size(content))
    if content.startswith(b"\xff\xd8\xff"):
        return Picture("image/jpeg", "jpg", *_jpeg_size(content))
    return None


def _webp_size(content: bytes) -> tuple[int, int]:
    """RFC 9649: a lossy, a lossless or an extended file, each with the size at its own place."""
    kind = content[12:16]
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and content[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X" and len(content) >= 30:
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    return 0, 0


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """ITU T.81: walk the segments to the frame header (SOF), which states height before width."""
    position = 2
    while True:
        if content[position] != 0xFF:
            return 0, 0
        while content[position] == 0xFF:  # fill bytes may precede a marker
            position += 1
        marker = content[position]
        position += 1
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, position + 3)
            return width, height
        if marker in (0xD9, 0xDA):  # the picture's data begins without a frame header
            return 0, 0
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without a segment
            continue
        (length,) = struct.unpack_from(">H", content, position)
        position += max(2, length)
