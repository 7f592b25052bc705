"""In python-telegram-bot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LabeledPrice, Update
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    MessageHandler,
    PreCheckoutQueryHandler,
    filters,
)

from chattrail import Tracker
from chattrail.ptb import instrument
from tests.integration.chattrail.any_bot.gallery import png
from tests.integration.chattrail.frameworks import HELP, SORRY, WELCOME


@asynccontextmanager
async def running(token: str, url: str, tracker: Tracker) -> AsyncIterator[None]:
    builder = Application.builder().token(token).base_url(f"{url}/bot").base_file_url(f"{url}/file/bot")
    application = builder.build()
    for _ in range(2):
        instrument(application, tracker)
    _add(application, tracker)
    assert application.updater is not None
    async with application:
        await application.start()
        await application.updater.start_polling(timeout=1, allowed_updates=Update.ALL_TYPES)
        try:
            yield
        finally:
            await application.updater.stop()
            await application.stop()


def _add(application: Any, tracker: Tracker) -> None:
    async def start(update: Update, context: Any) -> None:
        assert update.message is not None
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Go on", callback_data="go")]])
        await update.message.reply_text("Welcome to <b>my</b> bot", parse_mode="HTML", reply_markup=markup)

    async def pressed(update: Update, context: Any) -> None:
        assert update.callback_query is not None
        tracker.track("went_on", step=2)
        await update.callback_query.answer("Noted")
        await context.bot.send_message(update.callback_query.from_user.id, WELCOME)

    async def show_help(update: Update, context: Any) -> None:
        assert update.message is not None
        await asyncio.sleep(0.01)  # process_update has ended by now
        with tracker.details(request_model="m", input_tokens=5):
            await update.message.reply_text(HELP)

    async def picture(update: Update, context: Any) -> None:
        assert update.message is not None
        await update.message.reply_photo(png(3).data, caption="A grey")

    async def broken(update: Update, context: Any) -> None:
        raise LookupError("nothing here")

    async def apologise(update: object, context: Any) -> None:
        assert isinstance(update, Update)
        assert update.message is not None
        await update.message.reply_text(SORRY)

    async def later(update: Update, context: Any) -> None:
        async def remind() -> None:
            await asyncio.sleep(0.05)
            await context.bot.send_message(1002, "Later")

        application.create_task(remind())

    async def shop(update: Update, context: Any) -> None:
        assert update.message is not None
        await update.message.reply_invoice("Frame", "A frame", "frame", "XTR", [LabeledPrice("Frame", 25)], "")

    async def checkout(update: Update, context: Any) -> None:
        assert update.pre_checkout_query is not None
        await update.pre_checkout_query.answer(ok=True)

    async def thank(update: Update, context: Any) -> None:
        assert update.message is not None
        await update.message.reply_text("Thank you!")

    async def echo(update: Update, context: Any) -> None:
        assert update.message is not None
        sent = await update.message.reply_text("…")
        await sent.edit_text(f"You said: {update.message.text}")

    commands = {"start": start, "picture": picture, "broken": broken, "later": later, "shop": shop}
    application.add_handlers([CommandHandler(name, handler) for name, handler in commands.items()])
    application.add_handler(CommandHandler("help", show_help, block=False))
    application.add_handler(CallbackQueryHandler(pressed))
    application.add_handler(PreCheckoutQueryHandler(checkout))
    application.add_handler(MessageHandler(filters.SUCCESSFUL_PAYMENT, thank))
    application.add_handler(MessageHandler(filters.TEXT, echo))
    application.add_error_handler(apologise)
