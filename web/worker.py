"""The gunicorn worker: an event loop reads requests and writes answers, threads only make them (ADR 0024).

gunicorn keeps what it is good at: it binds, starts and watches the workers, and ends them.
"""

import asyncio
import logging
import os
import resource
import signal

from flask import Flask
from gunicorn.workers.base import Worker as GunicornWorker  # type: ignore[import-untyped]

from web.dispatch import Dispatcher
from web.http_server import Limits, Server
from web.settings import WebSettings

HEARTBEAT_S = 1.0
FILES_PER_CONNECTION = 2  # its socket, and the file it is sent
OTHER_FILES = 200  # the sign-in database, ClickHouse, the process itself

log = logging.getLogger("web")


class Worker(GunicornWorker):  # type: ignore[misc]
    """Serves connections of one process. gunicorn's application is `web.server.Server`, which has the settings."""

    wsgi: Flask

    def run(self) -> None:
        """Serve until a signal."""
        asyncio.run(self._serve(self.app.settings))

    async def _serve(self, settings: WebSettings) -> None:
        self._stop = asyncio.Event()
        self._grace_s: float = self.cfg.graceful_timeout
        self._take_signals()
        dispatcher = Dispatcher(self.wsgi, settings.threads, settings.query_timeout_s)
        server = Server(dispatcher.respond, _limits(settings))
        for listener in self.sockets:
            listener.setblocking(False)
            server.add_socket(listener.sock)
        while not self._stop.is_set() and self.ppid == os.getppid():
            self.notify()
            await asyncio.wait({asyncio.ensure_future(self._stop.wait())}, timeout=HEARTBEAT_S)
        self.alive = False
        ending = asyncio.create_task(server.end(self._grace_s))
        while not ending.done():
            self.notify()
            await asyncio.wait({ending}, timeout=HEARTBEAT_S)

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        for number in (signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._end_now)

    def _end_now(self) -> None:
        self._grace_s = 0
        self._stop.set()


def _limits(settings: WebSettings) -> Limits:
    return Limits(
        read_s=settings.read_timeout_s,
        write_s=settings.write_timeout_s,
        connections=_within_files(settings.connections),
        # behind proxies every connection is a proxy's
        per_network=0 if settings.proxies else settings.connections_per_address,
    )


def _within_files(connections: int) -> int:
    """As many of the connections as the system allows open files for; the soft limit, often 1024, is raised first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections * FILES_PER_CONNECTION + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    fitting = max(1, (soft - OTHER_FILES) // FILES_PER_CONNECTION)
    log.warning(
        "the system allows %d open files: %d connections instead of CHATTRAIL_WEB_CONNECTIONS=%d",
        soft,
        fitting,
        connections,
    )
    return fitting
