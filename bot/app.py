"""Builds the bot from its settings."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from aiogram import Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.fsm.strategy import FSMStrategy
from pydantic import AnyHttpUrl, SecretStr

from bot.chat import Chat
from bot.content.personas import LANGUAGES, load_personas
from bot.content.texts import catalogue
from bot.handlers import admin
from bot.llm.base import Backend, MakeImage
from bot.llm.offline import Scripted, offline_image
from bot.llm.openai import OpenAiCompatible, openai_image
from bot.llm.provider import Provider
from bot.logs import analytics_filter
from bot.middleware import ChatStateMiddleware, Clock
from bot.premium import FileStore, Ledger, RedisStore
from bot.routing import router
from bot.settings import BotSettings
from bot.telegram import ObeyFloodLimits
from bot.user_queue import UserQueues
from chattrail.aiogram import instrument, owner_router
from chattrail.export.pipeline import create_tracker
from chattrail.tracker import Tracker

_log = logging.getLogger(__name__)
UPDATES = ["message", "edited_message", "message_reaction", "callback_query", "pre_checkout_query", "my_chat_member"]
_UTC_NOW = partial(datetime.now, UTC)
_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Application:
    """The bot's parts, and how they are closed."""

    bot: Bot
    dispatcher: Dispatcher
    tracker: Tracker
    user_queues: UserQueues
    providers: tuple[Provider, ...]
    settings: BotSettings

    async def close(self) -> None:
        """End within five seconds: running answers first, then connections, then the tracker's queue."""
        if not await self.user_queues.drain(1.2):
            _log.warning("some answers were cut off by the end of the bot")
        await asyncio.gather(self.bot.session.close(), *(one.close() for one in self.providers))
        await self.dispatcher.storage.close()  # and Redis with it
        await asyncio.to_thread(self.tracker.shutdown, 2.0)


def make_tracker(settings: BotSettings) -> Tracker:
    """Create the tracker; OTEL_EXPORTER_OTLP_* say where it sends."""
    return create_tracker("chattrail-bot", before_send=analytics_filter(settings.secrets), state=settings.data)


def build(settings: BotSettings, tracker: Tracker, *, clock: Clock = _UTC_NOW) -> Application:
    """Make all parts and connect them. Nothing is sent yet."""
    storage, payments = _stores(settings)
    # By chat: a refund comes in a message from the bot, and its state is that of the person whose chat it is.
    dispatcher = Dispatcher(storage=storage, fsm_strategy=FSMStrategy.CHAT)
    server = TelegramAPIServer.from_base(str(settings.telegram_api_url)) if settings.telegram_api_url else PRODUCTION
    bot = Bot(
        settings.token.get_secret_value(),
        session=AiohttpSession(api=server),
        default=DefaultBotProperties(parse_mode=ParseMode.HTML),
    )
    instrument(dispatcher, bot, tracker)
    bot.session.middleware(ObeyFloodLimits())  # inside the instrumentation, which then sees each message once

    user_queues = UserQueues()
    middleware = ChatStateMiddleware(user_queues, tracker, clock)
    dispatcher.message.outer_middleware(middleware)
    dispatcher.callback_query.outer_middleware(middleware)

    for code in LANGUAGES:
        catalogue(code)  # read now rather than in the middle of the first chat
    backend: Backend = Scripted(settings.seed)
    make_image: MakeImage = partial(offline_image, seed=settings.seed)
    if ai := _provider(settings, "AI", settings.ai_base_url, settings.ai_key, settings.ai_timeout):
        backend = OpenAiCompatible(ai, model=settings.ai_model, max_tokens=settings.ai_max_tokens)
    url, key = settings.picture_base_url, settings.picture_key
    if painter := _provider(settings, "PICTURE", url, key, settings.picture_timeout):
        make_image = partial(openai_image, provider=painter, model=settings.picture_model, size=settings.picture_size)
    shared = Chat(bot, backend, make_image, load_personas(), tracker, Ledger(payments), settings, clock)
    dispatcher.workflow_data.update(chat=shared)
    web_token = settings.web_token.get_secret_value() if settings.web_token else None
    owners = owner_router(settings.admin_ids, str(settings.web_url), web_token)
    owners.command("refund", admin.refund)
    dispatcher.include_routers(owners, router())
    providers = tuple(filter(None, (ai, painter)))
    return Application(bot, dispatcher, tracker, user_queues, providers, settings)


def _stores(settings: BotSettings) -> tuple[BaseStorage, FileStore | RedisStore]:
    """Return where chats and payments are kept."""
    if settings.redis_url is None:
        return MemoryStorage(), FileStore(settings.premium_path)
    from aiogram.fsm.storage.redis import RedisStorage  # slow to import, and most bots start without it
    from redis.asyncio import Redis

    url, seconds = settings.redis_url.get_secret_value(), settings.memory_days * 86400
    redis = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)  # a hung Redis must not hang people
    keys = DefaultKeyBuilder(prefix="chattrail:chat")
    return RedisStorage(redis, key_builder=keys, state_ttl=seconds, data_ttl=seconds), RedisStore(redis)


def _provider(
    settings: BotSettings, kind: str, base_url: AnyHttpUrl | None, key: SecretStr | None, timeout: float
) -> Provider | None:
    """Return the client of an API; None without an address and a key."""
    if base_url is None and key is None:
        return None
    return Provider(
        base_url=str(base_url or _OPENAI),
        key=key.get_secret_value() if key else None,
        timeout=timeout,
        attempts=settings.ai_attempts,
        variables=f"CHATTRAIL_BOT_{kind}_KEY, CHATTRAIL_BOT_{kind}_BASE_URL and CHATTRAIL_BOT_{kind}_MODEL",
    )
