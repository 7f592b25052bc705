"""In aiogram."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command, CommandStart
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    ErrorEvent,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)

from chattrail import Tracker
from chattrail.aiogram import instrument
from tests.integration.chattrail.any_bot.gallery import png
from tests.integration.chattrail.frameworks import HELP, SORRY, WELCOME


@asynccontextmanager
async def running(token: str, url: str, tracker: Tracker) -> AsyncIterator[None]:
    bot = Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(url)))
    dispatcher = _bot()
    for _ in range(2):
        instrument(dispatcher, bot, tracker)
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1))
    try:
        yield
    finally:
        await dispatcher.stop_polling()
        await polling


def _bot() -> Dispatcher:
    dispatcher = Dispatcher()
    jobs = set()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        button = InlineKeyboardButton(text="Go on", callback_data="go")
        markup = InlineKeyboardMarkup(inline_keyboard=[[button]])
        await message.answer("Welcome to <b>my</b> bot", parse_mode="HTML", reply_markup=markup)

    @dispatcher.callback_query()
    async def pressed(query: CallbackQuery, bot: Bot, chattrail_tracker: Tracker) -> None:
        chattrail_tracker.track("went_on", step=2)
        await query.answer("Noted")
        await bot.send_message(query.from_user.id, WELCOME)

    @dispatcher.message(Command("help"))
    async def show_help(message: Message, chattrail_tracker: Tracker) -> None:
        with chattrail_tracker.details(request_model="m", input_tokens=5):
            await message.answer(HELP)

    @dispatcher.message(Command("picture"))
    async def picture(message: Message) -> None:
        await message.answer_photo(BufferedInputFile(png(3).data, "p.png"), caption="A grey")

    @dispatcher.message(Command("broken"))
    async def broken(message: Message) -> None:
        raise LookupError("nothing here")

    @dispatcher.error()
    async def apologise(event: ErrorEvent) -> None:
        assert event.update.message is not None
        await event.update.message.answer(SORRY)

    @dispatcher.message(Command("later"))
    async def later(message: Message, bot: Bot) -> None:
        ended = asyncio.Event()

        async def remind() -> None:
            await ended.wait()
            await bot.send_message(1002, "Later")

        jobs.add(asyncio.create_task(remind()))
        asyncio.get_running_loop().call_later(0.05, ended.set)

    @dispatcher.message(Command("shop"))
    async def shop(message: Message) -> None:
        await message.answer_invoice("Frame", "A frame", "frame", "XTR", [LabeledPrice(label="Frame", amount=25)])

    @dispatcher.pre_checkout_query()
    async def checkout(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    @dispatcher.message(F.successful_payment)
    async def thank(message: Message) -> None:
        await message.answer("Thank you!")

    @dispatcher.message(F.text)
    async def echo(message: Message) -> None:
        sent = await message.answer("…")
        await sent.edit_text(f"You said: {message.text}")

    return dispatcher
