"""`python -m sidecar.embedded`: ClickHouse's HTTP interface over the chDB engine, as a process."""

import asyncio
import contextlib
import logging
import shutil
import signal
import sys

from aiohttp import web

from sidecar.embedded.app import Server
from sidecar.embedded.engine import Engine
from sidecar.embedded.ownership import FolderTakenError, Ownership
from sidecar.embedded.settings import EmbeddedSettings

SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(settings: EmbeddedSettings, engine: Engine) -> None:
    """Serve until SIGTERM or SIGINT."""
    incoming = settings.data.absolute() / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    server = Server(settings, engine, incoming)
    runner = web.AppRunner(
        server.application(),
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,
        auto_decompress=False,
        shutdown_timeout=0.5,
    )
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port, backlog=512)
    try:
        await site.start()
    except OSError as error:
        raise SystemExit(
            f"port {settings.port} of {settings.host} can't be used ({error.strerror});"
            " stop what listens there, or set CHATTRAIL_EMBEDDED_PORT"
        ) from None
    port = runner.addresses[0][1]
    print(f"embedded ClickHouse {engine.version} is ready on http://{settings.host}:{port}", flush=True)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end(*_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(stop.set)

    for number in SIGNALS:  # not the loop's own handlers: they go with it, and the next signal would kill
        signal.signal(number, end)
    await stop.wait()
    await site.stop()
    await server.close(settings.shutdown_s)
    await runner.cleanup()
    await server.finish()


def main() -> int:
    """Run the server; the exit code."""
    settings = EmbeddedSettings.load_or_exit()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        ownership = Ownership(settings.data.absolute())
    except FolderTakenError as error:
        print(f"embedded ClickHouse: {error}", file=sys.stderr)
        return 1
    engine = Engine(settings)
    try:
        engine.start()
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(settings, engine))
    finally:
        for number in SIGNALS:  # a second one must not cut the end short
            signal.signal(number, signal.SIG_IGN)
        engine.close()
        ownership.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
