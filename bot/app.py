"""Puts the bot together from its settings, and runs it by polling."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiogram import Bot, Dispatcher
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.fsm.storage.base import BaseStorage, DefaultKeyBuilder
from aiogram.fsm.storage.memory import MemoryStorage

from bot.content.personas import LANGUAGES, load_cast
from bot.content.texts import catalogue
from bot.handlers import admin, chat, clear, errors, help, image, language, persona, premium, start, story
from bot.llm.base import Backend, PictureMaker
from bot.llm.openai_compatible import OpenAiCompatible
from bot.llm.painter import OfflinePainter
from bot.llm.pictures import OpenAiPictures
from bot.llm.pipeline import Brain
from bot.llm.provider import Provider
from bot.llm.scripted import Scripted
from bot.middleware import Clock, PersonMiddleware
from bot.premium import FileStore, Ledger, RedisStore
from bot.redaction import Guard
from bot.settings import BotSettings
from bot.telegram import ObeyFloodLimits
from bot.user_queue import Turns
from bot.web_api import WebApi
from chattrail.aiogram import instrument
from chattrail.export.pipeline import create_tracker
from chattrail.tracker import Tracker

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = logging.getLogger(__name__)
UPDATES = ["message", "callback_query", "pre_checkout_query", "my_chat_member"]
_OPENAI = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Application:
    """The bot's parts, and the way to end them."""

    bot: Bot
    dispatcher: Dispatcher
    tracker: Tracker
    turns: Turns
    brain: Brain
    web: WebApi
    settings: BotSettings
    redis: "Redis | None"

    async def close(self) -> None:
        """End within five seconds: running answers first, then connections, then the tracker's queue."""
        if not await self.turns.drain(1.2):
            _log.warning("some answers were cut off by the end of the bot")
        await asyncio.gather(self.brain.close(), self.web.close(), self.bot.session.close())
        await self.dispatcher.storage.close()
        if self.redis is not None:
            await self.redis.aclose()
        await asyncio.to_thread(self.tracker.shutdown, 2.0)


def utc_now() -> datetime:
    """The clock that everything but tests uses."""
    return datetime.now(UTC)


def make_tracker(settings: BotSettings) -> Tracker:
    """The tracker; where it sends is said by OTEL_EXPORTER_OTLP_*."""
    return create_tracker("chattrail-bot", before_send=Guard(settings.secrets), state=settings.data)


def build(settings: BotSettings, tracker: Tracker, *, clock: Clock = utc_now) -> Application:
    """Make all parts and connect them. Nothing is sent yet."""
    redis = _redis(settings)
    dispatcher = Dispatcher(storage=_storage(settings, redis))
    bot = _bot(settings)
    instrument(dispatcher, bot, tracker)
    bot.session.middleware(ObeyFloodLimits())  # inside the instrumentation, which then sees each message once

    turns = Turns()
    person = PersonMiddleware(turns, tracker, clock)
    dispatcher.message.outer_middleware(person)
    dispatcher.callback_query.outer_middleware(person)

    cast = load_cast()
    for code in LANGUAGES:
        catalogue(code)  # read now rather than in the middle of the first chat
    ledger = Ledger(RedisStore(redis) if redis else FileStore(settings.premium_path))
    brain = Brain(_backend(settings), _pictures(settings))
    web = WebApi(str(settings.web_url), settings.web_token.get_secret_value() if settings.web_token else None)
    dispatcher.workflow_data.update(
        tracker=tracker,
        settings=settings,
        cast=cast,
        ledger=ledger,
        web=web,
        clock=clock,
        chat=chat.Chat(bot, brain, cast, tracker, ledger, settings, clock),
    )
    dispatcher.include_routers(
        errors.router(),
        admin.router(settings.admin_ids),
        start.router(),
        persona.router(),
        story.router(),
        image.router(),
        clear.router(),
        premium.router(),
        language.router(),
        chat.router(),
        help.router(),
    )
    return Application(bot, dispatcher, tracker, turns, brain, web, settings, redis)


def _bot(settings: BotSettings) -> Bot:
    server = TelegramAPIServer.from_base(str(settings.telegram_api_url)) if settings.telegram_api_url else PRODUCTION
    return Bot(
        settings.token.get_secret_value(),
        session=AiohttpSession(api=server),
        default=DefaultBotProperties(parse_mode=ParseMode.HTML),
    )


def _redis(settings: BotSettings) -> "Redis | None":
    if settings.redis_url is None:
        return None
    from redis.asyncio import Redis  # slow to import, and most bots start without it

    url = settings.redis_url.get_secret_value()
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)  # a hung Redis must not hang people


def _storage(settings: BotSettings, redis: "Redis | None") -> BaseStorage:
    if redis is None:
        return MemoryStorage()
    from aiogram.fsm.storage.redis import RedisStorage

    forget = settings.memory_days * 86400
    keys = DefaultKeyBuilder(prefix="chattrail:chat")
    return RedisStorage(redis, key_builder=keys, state_ttl=forget, data_ttl=forget)


def _backend(settings: BotSettings) -> Backend:
    if settings.ai_base_url is None and settings.ai_key is None:
        return Scripted(settings.seed)
    provider = Provider(
        base_url=str(settings.ai_base_url or _OPENAI),
        key=settings.ai_key.get_secret_value() if settings.ai_key else None,
        timeout=settings.ai_timeout,
        attempts=settings.ai_attempts,
        variables="CHATTRAIL_BOT_AI_KEY, CHATTRAIL_BOT_AI_BASE_URL and CHATTRAIL_BOT_AI_MODEL",
    )
    return OpenAiCompatible(provider, model=settings.ai_model, max_tokens=settings.ai_max_tokens)


def _pictures(settings: BotSettings) -> PictureMaker:
    if settings.picture_base_url is None and settings.picture_key is None:
        return OfflinePainter(settings.seed)
    provider = Provider(
        base_url=str(settings.picture_base_url or _OPENAI),
        key=settings.picture_key.get_secret_value() if settings.picture_key else None,
        timeout=settings.picture_timeout,
        attempts=settings.ai_attempts,
        variables="CHATTRAIL_BOT_PICTURE_KEY, CHATTRAIL_BOT_PICTURE_BASE_URL and CHATTRAIL_BOT_PICTURE_MODEL",
    )
    return OpenAiPictures(provider, model=settings.picture_model, size=settings.picture_size)
