"""What the takers-apart of all four kinds share: their outcome, reading with care, and what removed parts may not hold."""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from sidecar.errors import Permanent

# A picture that is a page, a script or a document as well. Prompts and XMP in removed parts hold none of these.
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|script|iframe|svg)[\s>/]|<\?php|%PDF-\d", re.IGNORECASE)
_ARCHIVE = re.compile(rb"\s*(?:PK\x03\x04|Rar!\x1a|7z\xbc\xaf\x27\x1c|MZ|\x7fELF|#!)")
_ZIP_END, _ZIP_END_WITHIN = b"PK\x05\x06", 66_000  # a ZIP is read from its end
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Stripped:
    """A picture without its metadata. Width and height are as a viewer shows it, its orientation applied."""

    content: bytes
    media_type: str
    extension: str
    width: int
    height: int
    frames: int = 1


def cut_short(kind: str) -> Permanent:
    """Return the refusal of a picture that ends before its end."""
    return Permanent(f"the picture is cut short: a {kind} without its end")


def broken(kind: str, what: str) -> Permanent:
    """Return the refusal of a picture whose parts don't fit together."""
    return Permanent(f"the picture is broken: {what} in a {kind}")


def unpack(kind: str, form: str, content: bytes, at: int) -> tuple[int, ...]:
    """Read integers at a place. Raises Permanent when the content ends before."""
    try:
        return struct.unpack_from(form, content, at)
    except struct.error:
        raise cut_short(kind) from None


def piece(kind: str, content: bytes, at: int, length: int) -> bytes:
    """Return `length` bytes at a place. Raises Permanent when the content ends before."""
    if at + length > len(content):
        raise cut_short(kind)
    return content[at : at + length]


def refuse_polyglots(kept: bytes, removed: Iterable[bytes], trailing: bytes) -> None:
    """Raise Permanent when the bytes are made to be read as something else too: HTML, SVG, PDF, an archive, a program."""
    if any(_MARKUP.search(part) for part in (kept[:_HEAD], trailing, *removed)):
        raise Permanent("the picture is a page, a script or a PDF as well")
    if _ARCHIVE.match(trailing) or _ZIP_END in trailing[-_ZIP_END_WITHIN:]:
        raise Permanent("the picture is an archive or a program as well")
