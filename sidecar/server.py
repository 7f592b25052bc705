"""The sidecar's life: build the plugins, listen, become ready, and on SIGTERM leave without losing what was taken in."""

import asyncio
import logging
import signal
import sys

from aiohttp import web

from common.error_location import error_location
from common.settings import Settings
from sidecar.errors import StartError
from sidecar.pipeline.pipeline import Pipeline, Stage
from sidecar.plugin import Clock, Context, Factory
from sidecar.receiver.app import Receiver, runner
from sidecar.settings import SidecarSettings
from sidecar.telemetry.metrics import Metrics


async def serve(settings: SidecarSettings, chosen: list[tuple[Factory, Settings]]) -> None:
    """Run until SIGTERM or SIGINT. Raises StartError when the port is taken or a required plugin can never start."""
    clock, metrics, logger = Clock(), Metrics(), logging.getLogger("sidecar")
    stages = []
    for factory, config in chosen:
        own = logging.getLogger(f"sidecar.{factory.name}")
        context = Context(clock, own, metrics, settings.data / factory.name)
        try:
            plugin = factory.build(config, context)
        except Exception as error:  # its text may hold a secret of its settings
            what = f"{type(error).__name__} at {error_location(error)}"
            raise StartError(f"plugin {factory.name} can't be built: {what}") from None
        stages.append(Stage(factory.name, plugin, factory.required))
    pipeline = Pipeline(stages, clock, metrics, logger, time_limit_s=settings.handle_timeout_s)
    http = runner(Receiver(pipeline, settings, clock, metrics, logger))
    sending = None
    if settings.telemetry_url is not None:
        from sidecar.telemetry.internal_telemetry import begin  # here: the SDK and its exporters take 6 MB

        sending = begin(settings.telemetry_url, metrics, logger)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await http.setup()
    try:
        url = await _listen(http, settings)
        pipeline.start()
        await _until_stopped(pipeline, stop, url)
    finally:
        until = clock.monotonic() + settings.drain_timeout_s
        for site in list(http.sites):
            await site.stop()
        await pipeline.drain(settings.drain_timeout_s)
        await http.cleanup()
        logger.info("sidecar ended")
        if sending is not None:
            await asyncio.to_thread(sending.end, max(0.1, until - clock.monotonic()))


async def _listen(http: web.AppRunner, settings: SidecarSettings) -> str:
    site = web.TCPSite(http, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        raise StartError(
            f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}; end what uses the port, or set "
            "CHATTRAIL_SIDECAR_PORT (or CHATTRAIL_SIDECAR_HOST) to another"
        ) from None
    host, port = http.addresses[0][:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    logging.getLogger("sidecar").info("listening on %s", url)
    return url


async def _until_stopped(pipeline: Pipeline, stop: asyncio.Event, url: str) -> None:
    started = asyncio.create_task(pipeline.started())
    stopped = asyncio.create_task(stop.wait())
    waiting: set[asyncio.Future[object]] = {started, stopped, pipeline.failure}  # type: ignore[arg-type]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if started.done() and not stopped.done():
            names = ", ".join(stage.name for stage in pipeline.stages)
            sys.stdout.write(f"sidecar is ready: POST {url}/v1/logs, plugins {names}\n")
            sys.stdout.flush()
            await asyncio.wait({stopped, pipeline.failure}, return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
        if pipeline.failure.done():
            raise pipeline.failure.result()
    finally:
        started.cancel()
        stopped.cancel()
