"""Runs the bot until it is stopped: by polling, or as a webhook behind a TLS proxy."""

import asyncio
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiogram.exceptions import TelegramAPIError, TelegramNetworkError, TelegramServerError
from aiogram.methods import GetUpdates
from aiogram.types import TelegramObject, Update
from aiogram.utils.backoff import Backoff, BackoffConfig
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web
from aiohttp.typedefs import Handler as WebHandler

from bot import commands
from bot.app import UPDATES, Application
from bot.middleware import Handler
from common.waiting import set_within

_log = logging.getLogger(__name__)
_BACKOFF = BackoffConfig(min_delay=0.5, max_delay=30.0, factor=1.6, jitter=0.1)
WEBHOOK_PATH = "/telegram"
IDLE_S = 75.0  # longest time that a connection of the webhook may be without the whole head of a request
BODY_S = 10.0


async def run_until_signal(build: Callable[[], Application]) -> None:
    """Build the bot inside the event loop and run it until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # not on Windows
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(build(), stop)


async def run(app: Application, stop: asyncio.Event) -> None:
    """Run until `stop` is set, then end within five seconds."""
    try:
        username = await _reach_telegram(app, stop)
        if username is None:
            return
        menus = asyncio.create_task(commands.publish(app.bot, app.settings.admin_ids))
        try:
            async with _webhook(app, username) if app.settings.webhook_url else _polling(app, username, stop):
                await stop.wait()
        finally:
            menus.cancel()
    finally:
        await app.close()


async def _reach_telegram(app: Application, stop: asyncio.Event) -> str | None:
    """Return the bot's name once Telegram answers; None when `stop` is set first."""
    backoff = Backoff(_BACKOFF)
    while not stop.is_set():
        try:
            return (await app.bot.me()).username
        except (TelegramNetworkError, TelegramServerError) as error:
            pause = next(backoff)
            _log.warning("Telegram cannot be reached (%s), next try in %.1f s", error, pause)
            await set_within(stop, pause)
    return None


@asynccontextmanager
async def _polling(app: Application, username: str, stop: asyncio.Event) -> AsyncIterator[None]:
    await app.bot.delete_webhook()  # with a webhook set, Telegram refuses getUpdates
    newest = 0

    async def note(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        nonlocal newest
        if isinstance(event, Update):
            newest = max(newest, event.update_id)
        return await handler(event, data)

    app.dispatcher.update.outer_middleware(note)
    polling = app.dispatcher.start_polling(
        app.bot, allowed_updates=UPDATES, handle_signals=False, close_bot_session=False, backoff_config=_BACKOFF
    )
    task = asyncio.create_task(polling)
    task.add_done_callback(lambda _: stop.set())  # it ends by itself only after an error, which `await task` raises
    # Everything made so far stays until the end, so the garbage collector need not check it again and again.
    gc.collect()
    gc.freeze()
    _log.info("bot is polling as @%s", username)
    try:
        yield
    finally:
        with suppress(RuntimeError):  # it had not begun
            await app.dispatcher.stop_polling()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if newest:  # Telegram would send the last updates again at the next start
            try:
                async with asyncio.timeout(0.5):
                    await app.bot(GetUpdates(offset=newest + 1, limit=1, timeout=0))
            except (TimeoutError, TelegramAPIError):
                _log.warning("the last updates could not be confirmed; Telegram may send them again")


@web.middleware
async def _in_time(request: web.Request, handler: WebHandler) -> web.StreamResponse:
    """Refuse a body that arrives too slowly: it would hold its connection for ever."""
    try:
        async with asyncio.timeout(BODY_S):
            await request.read()  # kept by the request, for the handler
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except web.RequestPayloadError:
        raise web.HTTPBadRequest from None
    return await handler(request)


@asynccontextmanager
async def _webhook(app: Application, username: str) -> AsyncIterator[None]:
    settings = app.settings
    assert settings.webhook_url is not None
    assert settings.webhook_secret is not None
    secret = settings.webhook_secret.get_secret_value()
    server = web.Application(middlewares=[_in_time])
    server.router.add_post(WEBHOOK_PATH, SimpleRequestHandler(app.dispatcher, app.bot, secret_token=secret).handle)
    runner = web.AppRunner(server, access_log=None, keepalive_timeout=IDLE_S, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.webhook_host, settings.webhook_port).start()
        url = f"{str(settings.webhook_url).rstrip('/')}{WEBHOOK_PATH}"
        await app.bot.set_webhook(url, secret_token=secret, allowed_updates=UPDATES)
        _log.info("bot takes webhooks as @%s on %s", username, ", ".join(f"{a[0]}:{a[1]}" for a in runner.addresses))
        yield
    finally:
        await runner.cleanup()
