"""A bot for aiogram 3.4, run as a process of its own: `python -m tests.integration.public_bots.bots.oldest`."""

import asyncio
import os

from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandStart
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from chattrail import create_tracker
from chattrail.aiogram import instrument

COLOURS = InlineKeyboardMarkup(
    inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=text) for text in ("red", "blue")]]
)


async def main() -> None:
    bot = Bot(os.environ["BOT"], session=AiohttpSession(api=TelegramAPIServer.from_base(os.environ["TELEGRAM"])))
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Which <i>colour</i>?", parse_mode="HTML", reply_markup=COLOURS)

    @dispatcher.callback_query()
    async def chosen(query: CallbackQuery) -> None:
        await query.answer(f"{query.data} it is", show_alert=True)
        if query.message is not None:
            chat_id, message_id = query.message.chat.id, query.message.message_id
            await bot.edit_message_text(f"Chosen: {query.data}", chat_id=chat_id, message_id=message_id)

    @dispatcher.message(F.photo)
    async def admire(message: Message) -> None:
        await message.reply("Nice")

    @dispatcher.message(F.refunded_payment)
    async def never(message: Message) -> None:
        raise AssertionError("this aiogram does not know refunds")

    @dispatcher.message()
    async def copy(message: Message) -> None:
        await message.copy_to(message.chat.id)

    tracker = create_tracker("oldest-bot")
    instrument(dispatcher, bot, tracker)
    print("bot is ready at http://polling", flush=True)
    await dispatcher.start_polling(bot, polling_timeout=1)
    await asyncio.to_thread(tracker.shutdown)
    assert tracker.dropped == 0
    print("bot ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
