"""The signature of a private image's address, and the sizes of variants.

Source: https://developers.cloudflare.com/images/manage-images/serve-images/serve-private-images/
"""

import hashlib
import hmac
import io
from urllib.parse import parse_qsl, urlencode

from PIL import Image

# longest sides of the named variants; `public` is the one that every account begins with
VARIANTS = {"public": 1366, "thumbnail": 320}


def signature(path: str, query: str, key: str) -> str:
    """Return what `sig` must be for a path and the query without it."""
    return hmac.new(key.encode(), f"{path}?{query}".encode(), hashlib.sha256).hexdigest()


def is_allowed(path: str, query: str, key: str, now: float) -> bool:
    """Whether a request for a private image is signed and has not expired."""
    given = parse_qsl(query, keep_blank_values=True)
    signatures = [value for name, value in given if name == "sig"]
    expiries = [value for name, value in given if name == "exp"]
    signed = urlencode([(name, value) for name, value in given if name != "sig"])
    return (
        len(signatures) == len(expiries) == 1
        and hmac.compare_digest(signatures[0].encode(), signature(path, signed, key).encode())
        and expiries[0].isdecimal()
        and int(expiries[0]) > now
    )


def resized(content: bytes, longest: int) -> bytes:
    """Scale an image down, as a variant with fit=scale-down does; one that fits is left as it is."""
    with Image.open(io.BytesIO(content)) as image:
        if max(image.size) <= longest:
            return content
        kind = image.format
        image.thumbnail((longest, longest))
        out = io.BytesIO()
        image.save(out, kind)
    return out.getvalue()
