"""Voice messages, films and documents: kept as they are. Their bytes say what they are, and only what a browser plays is named."""

import hashlib
import re

from sidecar.plugins.images.stores.base import Upload

_PLAYED = (
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb"ID3|\xff[\xe2-\xfb]"), "audio/mpeg"),
    (re.compile(rb"....ftypM4A", re.DOTALL), "audio/mp4"),
    (re.compile(rb"....ftyp", re.DOTALL), "video/mp4"),
    (re.compile(rb"\x1aE\xdf\xa3"), "video/webm"),
)
OTHER = "application/octet-stream"  # no page and no script, whatever the sender calls it: a browser saves it


def upload_of(content: bytes) -> Upload:
    """Return a file as it is to be kept."""
    media_type = next((name for signature, name in _PLAYED if signature.match(content)), OTHER)
    return Upload(hashlib.sha256(content).hexdigest(), content, media_type, "bin", 0, 0)
