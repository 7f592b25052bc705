"""In pyTelegramBotAPI, where an event loop handles updates."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import telebot
from telebot import asyncio_helper
from telebot.async_telebot import AsyncTeleBot
from telebot.types import InlineKeyboardButton, InlineKeyboardMarkup, LabeledPrice

from chattrail import Tracker
from chattrail.telebot import instrument
from tests.integration.chattrail.any_bot.gallery import png
from tests.integration.chattrail.frameworks import HELP, SORRY, WELCOME


@asynccontextmanager
async def running(token: str, url: str, tracker: Tracker) -> AsyncIterator[None]:
    asyncio_helper.API_URL = url + "/bot{0}/{1}"
    bot = AsyncTeleBot(token)
    for _ in range(2):
        instrument(bot, tracker)
    _add(bot, tracker)
    polling = asyncio.create_task(bot.polling(request_timeout=1, timeout=1, allowed_updates=telebot.util.update_types))
    try:
        yield
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)
        await bot.close_session()


def _add(bot: Any, tracker: Tracker) -> None:
    jobs = set()

    @bot.message_handler(commands=["start"])
    async def start(message: Any) -> None:
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Go on", callback_data="go")]])
        await bot.send_message(message.chat.id, "Welcome to <b>my</b> bot", parse_mode="HTML", reply_markup=markup)

    @bot.callback_query_handler(func=lambda query: True)
    async def pressed(query: Any) -> None:
        tracker.track("went_on", step=2)
        await bot.answer_callback_query(query.id, "Noted")
        await bot.send_message(query.from_user.id, WELCOME)

    @bot.message_handler(commands=["help"])
    async def show_help(message: Any) -> None:
        with tracker.details(request_model="m", input_tokens=5):
            await bot.send_message(message.chat.id, HELP)

    @bot.message_handler(commands=["picture"])
    async def picture(message: Any) -> None:
        await bot.send_photo(message.chat.id, png(3).data, caption="A grey")

    @bot.message_handler(commands=["broken"])
    async def broken(message: Any) -> None:
        try:
            raise LookupError("nothing here")
        finally:
            await bot.send_message(message.chat.id, SORRY)

    @bot.message_handler(commands=["later"])
    async def later(message: Any) -> None:
        async def remind() -> None:
            await asyncio.sleep(0.05)
            await bot.send_message(1002, "Later")

        jobs.add(asyncio.create_task(remind()))

    @bot.message_handler(commands=["shop"])
    async def shop(message: Any) -> None:
        await bot.send_invoice(message.chat.id, "Frame", "A frame", "frame", "", "XTR", [LabeledPrice("Frame", 25)])

    @bot.pre_checkout_query_handler(func=lambda query: True)
    async def checkout(query: Any) -> None:
        await bot.answer_pre_checkout_query(query.id, ok=True)

    @bot.message_handler(content_types=["successful_payment"])
    async def thank(message: Any) -> None:
        await bot.send_message(message.chat.id, "Thank you!")

    @bot.message_handler(content_types=["text"])
    async def echo(message: Any) -> None:
        sent = await bot.send_message(message.chat.id, "…")
        await bot.edit_message_text(f"You said: {message.text}", message.chat.id, sent.message_id)
