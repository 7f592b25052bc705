"""Clients that hold connections without need, in bounded numbers and on loopback: what a server must go on beside."""

import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

TRICKLE_EVERY_S = 0.5
AT_MOST_S = 120.0  # then they stop by themselves


@dataclass(frozen=True)
class Kind:
    """What such a client sends at first, and what it sends a byte of every now and then."""

    name: str
    begin: bytes = b""
    trickle: bytes = b""
    window: int = 0  # bytes of its receive buffer; 0: the system's choice


SILENT = Kind("silent")


def half_a_head(path: str = "/login") -> Kind:
    """Headers that never end."""
    return Kind("half a head", f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".encode(), b"a")


def half_a_body(path: str = "/login", length: int = 1000, headers: str = "", sent: bytes = b"") -> Kind:
    """An announced body of which a byte arrives now and then, after what is sent at once."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n".encode()
    return Kind("half a body", head + sent, b"a")


def no_reader(path: str, headers: str = "") -> Kind:
    """A request whose answer is not read."""
    return Kind("no reader", f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode(), window=2048)


@dataclass
class SlowClients:
    """So many of each kind, opened when entered and closed afterwards."""

    url: str
    kinds: Sequence[Kind]
    each: int
    _sockets: list[tuple[Kind, socket.socket]] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        parts = urlsplit(self.url)
        where = (parts.hostname or "127.0.0.1", parts.port or 80)
        for _ in range(self.each):
            for kind in self.kinds:  # mixed, as they would come
                client = socket.socket()
                if kind.window:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kind.window)
                client.settimeout(10)
                client.connect(where)
                client.sendall(kind.begin)
                client.setblocking(False)
                self._sockets.append((kind, client))
        self._thread = threading.Thread(target=self._trickle, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._end.set()
        self._thread.join()
        for _, client in self._sockets:
            client.close()

    @property
    def open(self) -> int:
        """How many of the connections the server has not closed."""
        return sum(not _closed(kind, client) for kind, client in self._sockets)

    def _trickle(self) -> None:
        until = time.monotonic() + AT_MOST_S
        while not self._end.wait(TRICKLE_EVERY_S) and time.monotonic() < until:
            for kind, client in self._sockets:
                if kind.trickle:
                    try:
                        client.send(kind.trickle)
                    except OSError:  # closed by the server, or its buffer is full
                        continue


def _closed(kind: Kind, client: socket.socket) -> bool:
    if kind.window:  # it reads nothing
        watch = select.poll()
        watch.register(client, select.POLLRDHUP)
        return bool(watch.poll(0))  # a reset or the peer's end
    try:
        while client.recv(65536):
            continue
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
