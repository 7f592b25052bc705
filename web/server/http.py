"""HTTP on tornado's event loop: requests are read whole and responses written in pieces, each within a time limit.

A silent or slow peer costs an open file and a few kilobytes. Their number is limited, in all and for each network: above a
limit the connection that has waited longest for its peer is closed.
"""

import asyncio
import logging
import re
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError

from common.net import WaitingConnections
from web import BODY_MAX
from web.server.dispatch import PIECE_BYTES, AppResponse, Environ
from web.server.streams import Lingering, Stream
from web.server.wsgi import wsgi_environ

HEAD_MAX = 32 * 1024  # request line and headers
SEND_BUFFER_BYTES = 2 * PIECE_BYTES
ANNOUNCED = re.compile(r"[0-9]{1,18}")
DRAINED_MAX = 1024 * 1024  # a longer body is refused before all of it has arrived
log = logging.getLogger("web")

Respond = Callable[[Environ, asyncio.Event], Awaitable[AppResponse | None]]


@dataclass(frozen=True)
class Limits:
    """Seconds for a request's head, and as many for its body; seconds for each piece of a response; connections."""

    read_s: float
    write_s: float
    connections: int
    per_network: int


class Server(HTTPServer):
    """tornado's server with a limit on connections that wait for their peers."""

    def initialize(self, respond: Respond, limits: Limits) -> None:  # type: ignore[override]
        """Called by tornado's constructor with its arguments."""
        for name in ("tornado.general", "tornado.application"):
            logging.getLogger(name).addFilter(_without_contents)
        super().initialize(
            self,
            max_header_size=HEAD_MAX,
            idle_connection_timeout=limits.read_s,
            body_timeout=limits.read_s,
        )
        self.respond = respond
        self.limits = limits
        self._waiting: WaitingConnections[HTTP1ServerConnection] = WaitingConnections(
            limits.connections, limits.per_network
        )
        self.receiving: set[HTTP1ServerConnection] = set()  # waiting connections whose head has arrived
        self._serving: set[asyncio.Task[None]] = set()
        self.ending = False
        self._lingering = Lingering(limits.read_s)

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        limits = {"max_buffer_size": self.max_buffer_size, "read_chunk_size": self.read_chunk_size}
        try:
            self.handle_stream(Stream(connection, self._lingering, **limits), address)
        except OSError:  # the peer has left already
            connection.close()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Called by tornado for a new connection."""
        if len(self._connections) >= 2 * self.limits.connections:  # as many again may be at work
            stream.close()
            return
        # the system would enlarge it to megabytes for each client that does not read
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> "Request":
        """Called by tornado before each request of a connection."""
        assert isinstance(server_conn, HTTP1ServerConnection)
        assert isinstance(request_conn, HTTP1Connection)
        assert isinstance(server_conn.stream, Stream)
        server_conn.stream.expect_request()
        self.wait_for_peer(server_conn)
        return Request(self, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        """Called by tornado when a connection is closed."""
        assert isinstance(server_conn, HTTP1ServerConnection)
        self._waiting.leave(server_conn)
        super().on_close(server_conn)

    def wait_for_peer(self, connection: HTTP1ServerConnection) -> None:
        """Count a connection as waiting for its peer, and close the longest waiting one when there are too many."""
        closing = self._waiting.enter(connection, str(connection.context))
        if closing is not None:
            self._waiting.leave(closing)
            closing.stream.close()

    def serve(self, connection: HTTP1ServerConnection, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Count a connection as no longer waiting, and start the work."""
        self._waiting.leave(connection)
        task = asyncio.create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task

    async def end(self, within_s: float) -> None:
        """Stop listening, close idle connections, and let requests under way go on for this long."""
        self.stop()
        self.ending = True
        for connection in list(self._waiting):
            if connection not in self.receiving:
                connection.stream.close()
        until = time.monotonic() + within_s
        while (self._serving or self.receiving) and time.monotonic() < until:  # noqa: ASYNC110 - only at the end
            await asyncio.sleep(0.02)
        await self.close_all_connections()
        self._lingering.end()


class Request(HTTPMessageDelegate):
    """One request, from its head to the end of its response."""

    def __init__(self, server: Server, connection: HTTP1ServerConnection, exchange: HTTP1Connection) -> None:
        self._server = server
        self._connection = connection
        assert isinstance(connection.stream, Stream)
        self._stream = connection.stream
        self._exchange = exchange
        self._body = bytearray()
        self._length = 0
        self._refused = False

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Called by tornado when the head has arrived."""
        assert isinstance(start_line, RequestStartLine)
        self._line, self._headers = start_line, headers
        self._stream.head_arrived()
        if "close" in re.split(r"[\s,]+", headers.get("Connection", "").lower()):
            self._exchange._disconnect_on_finish = True  # tornado reads it only when it is the only word
        self._exchange.set_max_body_size(sys.maxsize)  # a body that is too long gets our own response
        announced = headers.get("Content-Length", "")
        if ANNOUNCED.fullmatch(announced) and int(announced) > DRAINED_MAX:
            self._length = int(announced)
            return self._refuse()
        self._server.receiving.add(self._connection)
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Called by tornado for each piece of the body."""
        self._length += len(chunk)
        if self._length > DRAINED_MAX and not self._refused:  # in chunks, which announce no length
            return self._refuse()
        if len(self._body) <= BODY_MAX:
            self._body += chunk
        return None

    def finish(self) -> None:
        """Called by tornado when the body is complete."""
        self._stream.request_arrived()
        self._server.receiving.discard(self._connection)
        self._server.serve(self._connection, self._handle())

    def on_connection_close(self) -> None:
        """Called by tornado when the peer has left before its body was complete."""
        self._server.receiving.discard(self._connection)

    def _refuse(self) -> Awaitable[None]:
        """Respond before the body is complete; the connection is closed afterwards."""
        self._refused = True
        self._server.receiving.discard(self._connection)
        return self._server.serve(self._connection, self._handle())

    async def _handle(self) -> None:
        if self._stream.closed():  # so a client that closes its sending side gets no response
            return
        closed = asyncio.Event()
        self._exchange.set_close_callback(closed.set)
        try:
            client, server = str(self._connection.context), self._stream.local_address
            environ = wsgi_environ(self._line, self._headers, bytes(self._body), self._length, client, server)
            response: AppResponse | None = AppResponse.bare("400 Bad Request")
            if environ is not None:
                response = await self._server.respond(environ, closed)
        except Exception as error:  # errors of the app have a response already; the message may hold anything
            log.error("unexpected %s below the app", type(error).__qualname__)
            await self._send(AppResponse.bare("500 Internal Server Error"))
        else:
            if response is not None:
                await self._send(response)

    async def _send(self, response: AppResponse) -> None:
        try:
            try:
                if not self._stream.closed():
                    self._server.wait_for_peer(self._connection)
                    await self._write(response)
            finally:
                await response.close()
        except (StreamClosedError, TimeoutError):
            self._stream.close()
        except Exception as error:  # a file that ends early, a header that tornado refuses
            log.error("unexpected %s while an answer was sent", type(error).__qualname__)
            self._stream.close()

    async def _write(self, response: AppResponse) -> None:
        code, _, reason = response.status.partition(" ")
        headers = HTTPHeaders({"Date": formatdate(usegmt=True), "Server": "chattrail"})
        for name, value in response.headers:
            headers.add(name, value)
        if self._server.ending:
            headers["Connection"] = "close"
        start = ResponseStartLine("HTTP/1.1", int(code), reason)
        begun = b"" if self._line.method == "HEAD" else response.begun
        response.begun = b""
        await self._sent(self._exchange.write_headers(start, headers, begun[:PIECE_BYTES]))
        for at in range(PIECE_BYTES, len(begun), PIECE_BYTES):
            await self._sent(self._exchange.write(begun[at : at + PIECE_BYTES]))
        del begun  # it may take a while until the rest is sent
        while self._line.method != "HEAD" and (piece := await response.more()):
            await self._sent(self._exchange.write(piece))
        self._exchange.finish()

    async def _sent(self, written: Awaitable[None]) -> None:
        """Wait until the system has accepted a piece, which it does when the client has read earlier ones."""
        async with asyncio.timeout(self._server.limits.write_s):
            await written


def _without_contents(record: logging.LogRecord) -> bool:
    """tornado logs broken requests and exceptions with their contents, which may be a token."""
    record.exc_info = None
    return record.levelno >= logging.WARNING
