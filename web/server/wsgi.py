"""A request as a WSGI environ (PEP 3333)."""

import re
import sys
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from tornado.httputil import HTTPHeaders, RequestStartLine

ABSOLUTE = re.compile(r"https?://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


def wsgi_environ(
    line: RequestStartLine, headers: HTTPHeaders, body: bytes, length: int, client: str, server: tuple[str, int]
) -> dict[str, Any] | None:
    """The environ of a request whose body has arrived; None for a target without a path. `length` is the body's, even where
    `body` is cut.
    """
    target, authority = line.path, None
    absolute = ABSOLUTE.fullmatch(target)
    if absolute:  # RFC 9112, 3.2.2: then the host stands there
        authority, rest = absolute["authority"], absolute["rest"]
        target = rest if rest.startswith("/") else f"/{rest}"
    if not target.startswith("/"):
        return None
    path, _, query = target.partition("#")[0].partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": line.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(length),
        "REMOTE_ADDR": client,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": line.version,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        # a name with `_` could pass for one with `-` that a proxy sets
        if "_" not in name and key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    if authority is not None:
        environ["HTTP_HOST"] = authority
    return environ
