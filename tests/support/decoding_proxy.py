"""A reverse proxy as many are set up: it decodes an address, joins its slashes, resolves its dots, and encodes it anew."""

import http.client
import posixpath
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def normal(path: str) -> str:
    """What such a proxy makes of a path."""
    joined = re.sub("/+", "/", unquote(path))
    resolved = posixpath.normpath(joined) + ("/" if joined.endswith("/") and joined != "/" else "")
    return quote(resolved)


@contextmanager
def decoding_proxy(target: str) -> Iterator[str]:
    """Run one in front of an address; gives its own."""
    behind = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, mark, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(behind.hostname or "", behind.port or 80, timeout=60)
            try:
                connection.request(self.command, normal(path) + mark + query, body or None, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the server's name for it

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
