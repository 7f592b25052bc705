"""aiohttp's server with limits on peers that are silent: how long and how many may send a request, or leave its answer."""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from common.error_location import error_location
from common.net import WaitingConnections, within_open_files

LOOK_EVERY_S: Final = 0.25
ANSWER_S: Final = 30.0
RESET: Final = struct.pack("ii", 1, 0)


def make_runner(
    app: web.Application, *, idle_s: float, connections: int, answer_s: float = ANSWER_S, **options: Any
) -> web.AppRunner:
    """A runner that closes a connection on which no whole head of a request has come for `idle_s` seconds.

    When more than `connections` wait for their peer, those that have waited longest are closed, and new ones are accepted.
    A connection waits as long as its request has not arrived with all of its body, or its answer is not taken. An answer
    that a handler returns unsent must be taken within `answer_s` seconds; for one that it sends itself there is `taken`.
    """
    limit = _Limit(within_open_files(connections), answer_s)
    logger = logging.getLogger("sidecar.http")
    logger.filters = [_WithoutContents()]
    app.middlewares.insert(0, limit.note_work)
    app.cleanup_ctx.append(limit.watch)
    limit.runner = web.AppRunner(
        app,
        access_log=None,
        logger=logger,
        keepalive_timeout=idle_s,  # counted from the connection's start too, so half a head does not prolong it
        lingering_time=2.0,  # of a body that is refused so much is read that the answer arrives
        **options,
    )
    return limit.runner


async def taken(request: web.Request, sending: Awaitable[None], within_s: float) -> None:
    """Send a part of an answer. When the peer does not take it in time, close the connection and raise ConnectionError."""
    try:
        async with asyncio.timeout(within_s):
            await sending
    except TimeoutError:
        if request.transport is not None:
            _drop(request.transport)
        raise ConnectionError("the peer does not take its answer") from None


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Answer the header Expect. aiohttp's own handler quotes it, and fails (500) when its value is not text."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return web.Response(status=417)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer has not begun
    return None


def add_refusals(router: web.UrlDispatcher) -> None:
    """Refuse every other method (405) and path (404) by routes of ours, for which `expect` holds too."""

    def wrong_method(allowed: list[str]) -> Handler:
        async def refuse(request: web.Request) -> web.StreamResponse:
            raise web.HTTPMethodNotAllowed(request.method, allowed)

        return refuse

    async def not_found(_: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    for resource in list(router.resources()):
        methods = sorted({route.method for route in resource})
        if "*" not in methods and isinstance(resource, web.Resource):
            resource.add_route("*", wrong_method(methods), expect_handler=expect)
    router.add_route("*", "/{path:.*}", not_found, expect_handler=expect)


class _WithoutContents(logging.Filter):
    """aiohttp logs broken requests with the offending header or line, which may hold a password or a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            record.msg = f"{record.getMessage()}: {type(error).__name__} at {error_location(error)}"
            record.args = None
        record.exc_info = record.exc_text = None
        return True


class _Limit:
    runner: web.AppRunner

    def __init__(self, connections: int, answer_s: float) -> None:
        self._waiting: WaitingConnections[RequestHandler] = WaitingConnections(connections)
        self._working: dict[RequestHandler, web.Request] = {}
        self._answer_s = answer_s
        self._closed = 0  # since the last look
        # aiohttp forgets a transport that it closes, which lasts until the peer has taken what is buffered
        self._transports: dict[RequestHandler, asyncio.Transport] = {}

    @web.middleware
    async def note_work(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        self._waiting.leave(connection)
        self._working[connection] = request
        if connection.transport is not None:
            self._transports[connection] = connection.transport
        try:
            if not request.content.is_eof():
                self._enter(connection)
            response = await handler(request)
        finally:
            self._working.pop(connection, None)
        if not response.prepared:
            await taken(request, _send(request, response), self._answer_s)
        return response

    async def watch(self, _app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._look())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self.runner.server is None:
                continue
            there = self.runner.server.connections
            for gone in set(self._waiting) - set(there):
                self._waiting.leave(gone)
            for gone in set(self._transports) - set(there):
                del self._transports[gone]
            self._end_broken_bodies()
            self._note_whole_bodies()
            known = set(self._waiting) | set(self._working)
            for connection in there:
                if connection not in known:
                    self._enter(connection)
            if self._closed:
                logging.getLogger("sidecar.http").warning(
                    "%d connections that waited for their peer were closed: more than %d did",
                    self._closed,
                    self._waiting.in_all,
                )
                self._closed = 0

    def _end_broken_bodies(self) -> None:
        """Tell handlers of bodies whose chunks are none, which aiohttp does not always do.

        It notes the error behind the request being worked on, where nothing else can be before the body has ended.
        """
        for connection, request in self._working.items():
            if connection._messages and not request.content.is_eof():
                request.content.set_exception(web.RequestPayloadError("the body is broken"))

    def _note_whole_bodies(self) -> None:
        for connection, request in self._working.items():
            if request.content.is_eof():
                self._waiting.leave(connection)

    def _enter(self, connection: RequestHandler) -> None:
        """Count a connection as waiting, and close the one that has waited longest when there are too many."""
        peer = connection.peername
        where = peer[0] if isinstance(peer, tuple) else ""
        if self._waiting.enter(connection, where) is None:
            return
        self._note_whole_bodies()  # since the last look
        if (longest := self._waiting.enter(connection, where)) is None:
            return
        self._waiting.leave(longest)
        transport = longest.transport or self._transports.get(longest)
        longest.force_close()
        if transport is not None:
            _drop(transport)
        self._closed += 1


def _drop(transport: asyncio.Transport) -> None:
    if (
        transport.get_write_buffer_size()
    ):  # reset, or the system would go on offering the rest to a peer that does not read
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.abort()


async def _send(request: web.Request, response: web.StreamResponse) -> None:
    await response.prepare(request)
    await response.write_eof()
