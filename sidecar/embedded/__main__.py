"""`python -m sidecar.embedded`: ClickHouse's HTTP interface over the chDB engine, as a process."""

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from common.http_runner import make_runner
from common.log_format import log_to_stderr
from common.private_files import keep_files_private
from sidecar.embedded.app import Server
from sidecar.embedded.confinement import confine
from sidecar.embedded.engine import Engine
from sidecar.embedded.settings import EmbeddedSettings
from sidecar.embedded.startup import bind, forget_passwords, lock, refuse

SIGNALS = (signal.SIGTERM, signal.SIGINT)
BACKLOG = 512
log = logging.getLogger("sidecar.embedded")


async def serve(settings: EmbeddedSettings, engine: Engine, sockets: Sequence[socket.socket]) -> None:
    """Serve on bound sockets until SIGTERM or SIGINT."""
    server = Server(settings, engine, settings.data.absolute() / "incoming")
    runner = make_runner(
        server.application(),
        idle_s=settings.idle_timeout_s,
        connections=settings.max_connections,
        answer_s=settings.answer_patience_s,
        handle_signals=False,
        handler_cancellation=True,
        auto_decompress=False,
        shutdown_timeout=0.5,
    )
    await runner.setup()
    sites = [web.SockSite(runner, one, backlog=BACKLOG) for one in sockets]
    try:
        for site in sites:
            await site.start()
    except OSError as error:  # another process began to listen meanwhile
        refuse(settings.host, settings.port, error)
    port = runner.addresses[0][1]
    print(f"embedded ClickHouse {engine.version} is ready on http://{settings.host}:{port}", flush=True)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end(*_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(stop.set)

    for number in SIGNALS:  # not the loop's own handlers: they go with it, and the next signal would kill
        signal.signal(number, end)
    await stop.wait()
    for site in sites:
        await site.stop()
    await server.close(settings.shutdown_s)
    await runner.cleanup()
    await server.finish()


def main() -> int:
    """Run the server; the exit code."""
    settings = EmbeddedSettings.load_or_exit()
    keep_files_private()
    forget_passwords()
    log_to_stderr()
    held = lock(settings.data.absolute())
    sockets = bind(settings.host, settings.port)
    engine = Engine(settings)
    try:
        engine.start(confined)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(settings, engine, sockets))
    finally:
        for number in SIGNALS:  # a second one must not cut the end short
            signal.signal(number, signal.SIG_IGN)
        engine.close()
        held.close()
    return 0


def confined(writable: Sequence[Path], readable: Sequence[Path]) -> None:
    """Give up what the engine does not need, and log what stands."""
    done = confine(writable, readable)
    log.log(logging.WARNING if done.missing else logging.INFO, "%s", done)


if __name__ == "__main__":
    sys.exit(main())
