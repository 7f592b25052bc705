"""The gunicorn worker: an event loop reads requests and writes answers, threads only make them (ADR 0024).

gunicorn keeps what it is good at: it binds, starts and watches the workers, and ends them.
"""

import asyncio
import os
import signal

from flask import Flask
from gunicorn.workers.base import Worker as GunicornWorker

from common.net import within_open_files
from web.server.dispatch import Dispatcher
from web.server.http import Limits, Server
from web.settings import WebSettings

HEARTBEAT_S = 1.0
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)  # the first lets requests finish
FILES_PER_CONNECTION = 2  # its socket, and the file it is sent


class Worker(GunicornWorker):  # type: ignore[misc]
    """Serves connections of one process. gunicorn's application is `web.server.run.Server`, which has the settings."""

    wsgi: Flask
    alive: bool
    _grace_s: float
    _stop: asyncio.Event | None = None

    def init_signals(self) -> None:
        """Note signals from now on. gunicorn's own handlers raise, which breaks an event loop that is being made."""
        super().init_signals()
        self._grace_s = self.cfg.graceful_timeout
        for number in ENDING:
            signal.signal(number, lambda number, _frame: self._end(number))

    def run(self) -> None:
        """Serve until a signal."""
        asyncio.run(self._serve(self.app.settings))

    async def _serve(self, settings: WebSettings) -> None:
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._end, number)
        if not self.alive:  # a signal came before the loop did
            self._stop.set()
        dispatcher = Dispatcher(self.wsgi, settings.threads, settings.query_timeout_s)
        limits = Limits(
            read_s=settings.read_timeout_s,
            write_s=settings.write_timeout_s,
            connections=within_open_files(settings.connections, FILES_PER_CONNECTION),
            # behind proxies every connection is a proxy's
            per_network=0 if settings.proxies else settings.connections_per_address,
        )
        server = Server(dispatcher.respond, limits)
        for listener in self.sockets:
            listener.setblocking(False)
            server.add_socket(listener.sock)
        stopped = asyncio.create_task(self._stop.wait())
        while not stopped.done() and self.ppid == os.getppid():
            self.notify()
            await asyncio.wait({stopped}, timeout=HEARTBEAT_S)
        stopped.cancel()
        self.alive = False
        ending = asyncio.create_task(server.end(self._grace_s))
        while not ending.done():
            self.notify()
            await asyncio.wait({ending}, timeout=HEARTBEAT_S)

    def _end(self, number: int) -> None:
        self.alive = False
        if number != signal.SIGTERM:
            self._grace_s = 0
        if self._stop is not None:
            self._stop.set()
