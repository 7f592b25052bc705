"""GIF without metadata: frames, their timing and the loop count, and no other extension.

Source: GIF89a specification, CompuServe 1990; the loop count is Netscape's application extension.
"""

from sidecar.plugins.images.decode.parts import Stripped, broken, cut_short, piece, refuse_polyglots, unpack

_KIND = "GIF"
_EXTENSION, _IMAGE, _TRAILER, _PADDING = 0x21, 0x2C, 0x3B, 0x00
_CONTROL, _APPLICATION = 0xF9, 0xFF
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def strip_gif(content: bytes) -> Stripped:
    """Take a GIF apart and put it together without comments, texts, other applications' data and what follows its end."""
    width, height, flags = unpack(_KIND, "<HHB", content, 6)
    at = 13 + _table(flags)
    kept = [piece(_KIND, content, 0, at)]
    removed: list[bytes] = []
    frames = 0
    loops = False
    while True:
        (block,) = unpack(_KIND, "B", content, at)
        if block == _TRAILER:
            at += 1
            break
        if block == _PADDING:  # some writers leave an empty block between two others
            at += 1
        elif block == _EXTENSION:
            (label,) = unpack(_KIND, "B", content, at + 1)
            end = _blocks_end(content, at + 2)
            body = content[at + 2 : end]
            if label == _CONTROL and len(body) == 6 and body[0] == 4:
                kept.append(content[at:end])
            elif label == _APPLICATION and not loops and _is_loop(body):
                loops = True
                kept.append(content[at : at + 14] + b"\x03\x01" + body[14:16] + b"\0")
            else:
                removed.append(_joined(body))
            at = end
        elif block == _IMAGE:
            left, top, wide, high, flags = unpack(_KIND, "<HHHHB", content, at + 1)
            if not wide or not high or left + wide > width or top + high > height:
                raise broken(_KIND, "a frame that reaches beyond the picture")
            end = _blocks_end(content, at + 10 + _table(flags) + 1)
            kept.append(content[at:end])
            frames += 1
            at = end
        else:
            raise broken(_KIND, "an unknown block")
    if not frames or not width or not height:
        raise broken(_KIND, "no picture")
    stripped = b"".join(kept) + b";"
    refuse_polyglots(stripped, removed, content[at:])
    return Stripped(stripped, "image/gif", "gif", width, height, frames)


def _table(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _is_loop(body: bytes) -> bool:
    return body[0] == 11 and body[1:12] in _LOOPS and body[12:14] == b"\x03\x01" and len(body) >= 17


def _blocks_end(content: bytes, at: int) -> int:
    """Return the place after a chain of sub-blocks, each after a byte with its length; a zero ends it."""
    while True:
        if at >= len(content):
            raise cut_short(_KIND)
        length = content[at]
        at += 1 + length
        if not length:
            return at


def _joined(body: bytes) -> bytes:
    parts = []
    at = 0
    while body[at]:
        parts.append(body[at + 1 : at + 1 + body[at]])
        at += 1 + body[at]
    return b"".join(parts) + b"\n" + body  # XMP in GIF does not keep to sub-blocks: its text is whole in the raw bytes
