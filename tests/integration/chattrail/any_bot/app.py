"""Puts the bot together."""

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from chattrail import Tracker, create_tracker
from chattrail.aiogram import instrument
from tests.integration.chattrail.any_bot import gallery, shop, survey, talk


def build(bot_token: str, api_url: str, tracker: Tracker | None = None) -> tuple[Dispatcher, Bot]:
    """Return the dispatcher and the bot, ready for `dispatcher.start_polling(bot)`."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(api_url))
    bot = Bot(bot_token, session=session)
    dispatcher = Dispatcher()
    dispatcher.include_routers(talk.make(), survey.make(), gallery.make(), shop.make(), talk.make_last())
    instrument(dispatcher, bot, tracker or create_tracker("strangers-bot"))
    return dispatcher, bot
