"""Connections that are closed before their request is complete: the client still gets the response.

Closing a socket with unread bytes resets the connection, and a client that is still sending loses the response. So the sending
side is closed first, and further bytes are read and discarded, for a bounded time (RFC 9112, 9.6).
"""

import asyncio
import socket
from contextlib import suppress
from typing import Any

from tornado.iostream import IOStream, UnsatisfiableReadError

LINGERING_MAX = 100
READ_BYTES = 64 * 1024
HEAD_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
BROKEN_BODY = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"  # a chunk's length without end
)


class Lingering:
    """Sockets that only wait for their client to close, with limits on their number and time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sockets: dict[socket.socket, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def take(self, sock: socket.socket) -> None:
        """Close a socket when its client has closed it, or when its time is over; at once when there are too many."""
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:  # it is no longer connected
            sock.close()
            return
        if len(self._sockets) >= LINGERING_MAX:
            sock.close()
            return
        loop = asyncio.get_running_loop()
        self._sockets[sock] = loop.call_later(self._seconds, self._close, sock)
        loop.add_reader(sock, self._read, sock)

    def end(self) -> None:
        """Close all of them."""
        for sock in list(self._sockets):
            self._close(sock)

    def _read(self, sock: socket.socket) -> None:
        try:
            ended = not sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        self._sockets.pop(sock).cancel()
        asyncio.get_running_loop().remove_reader(sock)
        sock.close()


class Stream(IOStream):
    """A connection that knows how much of its request has arrived. `local_address` is known after it is closed, too."""

    def __init__(self, connection: socket.socket, lingering: Lingering, **limits: Any) -> None:
        super().__init__(connection, **limits)
        self.local_address: tuple[str, int] = connection.getsockname()[:2]
        self._lingering = lingering
        self.expect_request()

    def expect_request(self) -> None:
        """Nothing of the next request has arrived."""
        self._head_due = self._body_due = True
        self._answered_early = False

    def head_arrived(self) -> None:
        """The head has arrived, and the body may follow."""
        self._head_due = False

    def request_arrived(self) -> None:
        """All of the request has arrived."""
        self._body_due = self._answered_early = False

    def write(self, data: bytes | memoryview) -> "asyncio.Future[None]":
        """Send."""
        self._answered_early = self._body_due
        return super().write(data)

    def close(self, exc_info: Any = False) -> None:
        """Close; tornado passes the error when a head, or the line with a chunk's length, is too long."""
        if isinstance(exc_info, UnsatisfiableReadError) and not self.closed():
            with suppress(OSError):
                self.socket.send(HEAD_TOO_LONG if self._head_due else BROKEN_BODY)
                self._answered_early = True
        super().close(exc_info)

    def close_fd(self) -> None:
        """Called by tornado when it no longer looks at the socket."""
        connection = self.socket
        self.socket = None  # type: ignore[assignment]
        if self._answered_early:
            self._lingering.take(connection)
        else:
            connection.close()
