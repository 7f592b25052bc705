"""aiohttp's server with limits on peers that are silent: how long a connection may wait for a request, and how many may."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

from chattrail.connections import WaitingConnections, within_open_files

LOOK_EVERY_S: Final = 0.25


def make_runner(app: web.Application, *, idle_s: float, connections: int, **options: Any) -> web.AppRunner:
    """A runner that closes a connection on which no whole head of a request has come for `idle_s` seconds.

    When more than `connections` wait for a request, those that have waited longest are closed: who comes anew is let in.
    Connections whose request is being read or worked on are not counted.
    """
    limit = _Limit(within_open_files(connections))
    app.middlewares.insert(0, limit.note_work)
    app.cleanup_ctx.append(limit.watch)
    limit.runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=idle_s,  # counted from the connection's start too, so half a head does not prolong it
        lingering_time=2.0,  # of a body that is refused so much is read that the answer arrives
        **options,
    )
    return limit.runner


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Answer the header Expect. aiohttp's own handler quotes it, and fails (500) when it holds what is no text."""
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


class _Limit:
    runner: web.AppRunner

    def __init__(self, connections: int) -> None:
        self._waiting: WaitingConnections[RequestHandler] = WaitingConnections(connections)
        self._working: dict[RequestHandler, web.Request] = {}

    @web.middleware
    async def note_work(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        self._waiting.leave(connection)
        self._working[connection] = request
        try:
            return await handler(request)
        finally:
            self._working.pop(connection, None)

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
            self._end_broken_bodies()
            known = set(self._waiting) | set(self._working)
            closed = 0
            for connection in there:
                if connection not in known:
                    closed += self._enter(connection)
            if closed:
                logging.getLogger("sidecar.http").warning(
                    "%d connections that sent no request were closed: more than %d waited", closed, self._waiting.in_all
                )

    def _end_broken_bodies(self) -> None:
        """Tell handlers of bodies whose chunks are none, which aiohttp does not always do.

        It notes the error behind the request being worked on, where nothing else can be before the body has ended.
        """
        for connection, request in self._working.items():
            if connection._messages and not request.content.is_eof():
                request.content.set_exception(web.RequestPayloadError("the body is broken"))

    def _enter(self, connection: RequestHandler) -> bool:
        peer = connection.peername
        longest = self._waiting.enter(connection, peer[0] if isinstance(peer, tuple) else "")
        if longest is None:
            return False
        self._waiting.leave(longest)
        longest.force_close()
        return True
