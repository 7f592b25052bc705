"""What reading a container of any format needs: bounds, orientation, and a refusal of what is another file as well."""

import re
import struct
from collections.abc import Iterable

from sidecar.errors import PermanentError

# an image that is a page, a script or a document as well; prompts and XMP in removed parts hold none of these
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|script|iframe|svg)[\s>/]|<\?php|%PDF-\d", re.IGNORECASE)
_ARCHIVE = re.compile(rb"\s*(?:PK\x03\x04|Rar!\x1a|7z\xbc\xaf\x27\x1c|MZ|\x7fELF|#!)")
_ZIP_END, _ZIP_END_WITHIN = b"PK\x05\x06", 66_000  # a ZIP is read from its end
_HEAD = 4096
_ORIENTATION, _SHORT = 0x0112, 3  # CIPA DC-008 (Exif), section 4.6.2: 1 is upright, 2 to 8 are turned or mirrored
_ENTRIES_READ = 512


class Reader:
    """Reads bytes from front to back. Every method raises PermanentError when they end too early."""

    def __init__(self, kind: str, content: bytes, at: int = 0) -> None:
        self.kind = kind
        self.content = content
        self.at = at

    def take(self, length: int) -> bytes:
        """Return the next bytes."""
        start, self.at = self.at, self.at + length
        if self.at > len(self.content):
            raise self.cut_short()
        return self.content[start : self.at]

    def integers(self, form: str) -> tuple[int, ...]:
        """Return the next integers, in a format of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def cut_short(self) -> PermanentError:
        """Return the refusal of an image that ends before its end."""
        return PermanentError(f"the image is cut short: a {self.kind} without its end")

    def broken(self, what: str) -> PermanentError:
        """Return the refusal of an image whose parts don't fit together."""
        return PermanentError(f"the image is broken: {what} in a {self.kind}")


def refuse_polyglots(kept: bytes, removed: Iterable[bytes], trailing: bytes) -> None:
    """Raise PermanentError when the bytes can be read as something else too: HTML, SVG, PDF, an archive, a program."""
    if any(_MARKUP.search(part) for part in (kept[:_HEAD], trailing, *removed)):
        raise PermanentError("the image is a page, a script or a PDF as well")
    if _ARCHIVE.match(trailing) or _ZIP_END in trailing[-_ZIP_END_WITHIN:]:
        raise PermanentError("the image is an archive or a program as well")


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
            if tag == _ORIENTATION:
                return value if kind == _SHORT and number == 1 and 2 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def minimal_exif(orientation: int) -> bytes:
    """Return an EXIF block that states the orientation alone, without the `Exif` prefix that JPEG wants before it."""
    return struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)
