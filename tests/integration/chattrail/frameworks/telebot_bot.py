"""In pyTelegramBotAPI, where threads handle updates."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import telebot
from telebot import apihelper
from telebot.types import InlineKeyboardButton, InlineKeyboardMarkup, LabeledPrice

from chattrail import Tracker
from chattrail.telebot import instrument
from tests.integration.chattrail.any_bot.gallery import png
from tests.integration.chattrail.frameworks import HELP, SORRY, WELCOME


class Apologies(telebot.ExceptionHandler):
    """Takes what the polling thread learns of exceptions."""

    def handle(self, exception: Exception) -> bool:
        return True


@asynccontextmanager
async def running(token: str, url: str, tracker: Tracker) -> AsyncIterator[None]:
    apihelper.API_URL = url + "/bot{0}/{1}"  # type: ignore[assignment]
    bot = telebot.TeleBot(token, exception_handler=Apologies())
    for _ in range(2):
        instrument(bot, tracker)
    _add(bot, tracker)
    polling = threading.Thread(
        target=bot.polling, kwargs={"long_polling_timeout": 1, "allowed_updates": telebot.util.update_types}
    )
    polling.start()
    try:
        yield
    finally:
        bot.stop_polling()
        await asyncio.to_thread(polling.join)
        bot.stop_bot()


def _add(bot: Any, tracker: Tracker) -> None:
    @bot.message_handler(commands=["start"])
    def start(message: Any) -> None:
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Go on", callback_data="go")]])
        bot.send_message(message.chat.id, "Welcome to <b>my</b> bot", parse_mode="HTML", reply_markup=markup)

    @bot.callback_query_handler(func=lambda query: True)
    def pressed(query: Any) -> None:
        tracker.track("went_on", step=2)
        bot.answer_callback_query(query.id, "Noted")
        bot.send_message(query.from_user.id, WELCOME)

    @bot.message_handler(commands=["help"])
    def show_help(message: Any) -> None:
        with tracker.details(request_model="m", input_tokens=5):
            bot.send_message(message.chat.id, HELP)

    @bot.message_handler(commands=["picture"])
    def picture(message: Any) -> None:
        bot.send_photo(message.chat.id, png(3).data, caption="A grey")

    @bot.message_handler(commands=["broken"])
    def broken(message: Any) -> None:
        try:
            raise LookupError("nothing here")
        finally:
            bot.send_message(message.chat.id, SORRY)

    @bot.message_handler(commands=["later"])
    def later(message: Any) -> None:
        threading.Timer(0.05, bot.send_message, (1002, "Later")).start()

    @bot.message_handler(commands=["shop"])
    def shop(message: Any) -> None:
        bot.send_invoice(message.chat.id, "Frame", "A frame", "frame", "", "XTR", [LabeledPrice("Frame", 25)])

    @bot.pre_checkout_query_handler(func=lambda query: True)
    def checkout(query: Any) -> None:
        bot.answer_pre_checkout_query(query.id, ok=True)

    @bot.message_handler(content_types=["successful_payment"])
    def thank(message: Any) -> None:
        bot.send_message(message.chat.id, "Thank you!")

    @bot.message_handler(content_types=["text"])
    def echo(message: Any) -> None:
        sent = bot.send_message(message.chat.id, "…")
        bot.edit_message_text(f"You said: {message.text}", message.chat.id, sent.message_id)
