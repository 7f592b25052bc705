"""HTTP by hand, for what a client library would not send: a connection, and an answer read to its end."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end. The status is 0 where the connection was closed without an answer."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def connected(url: str) -> socket.socket:
    """A connection to the server at a URL."""
    where = urlsplit(url)
    return socket.create_connection((where.hostname or "", where.port or 0), 30)


def read_interim(client: socket.socket) -> bytes:
    """Read an interim answer, as 100 Continue, and nothing behind it."""
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        assert byte, f"the connection was closed after {answer!r}"
        answer += byte
    return answer


def read_answer(client: socket.socket) -> Answer:
    """Read an answer to its end. Raises ConnectionError when there is none."""
    with http.client.HTTPResponse(client) as answer:
        answer.begin()  # passes over 100 Continue
        return Answer(answer.status, dict(answer.headers), answer.read())
