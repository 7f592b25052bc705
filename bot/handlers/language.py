"""/language: speak another language than Telegram's setting says."""

from aiogram import Bot
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat_state import ChatState
from bot.content.personas import LANGUAGES
from bot.content.texts import Say
from bot.telegram import answer_button, drop_buttons


async def choose(message: Message, say: Say) -> None:
    """Show the languages."""
    await message.answer(say("language.choose"), reply_markup=keyboards.languages(say))


async def change(callback: CallbackQuery, bot: Bot, chat_state: ChatState, say: Say) -> None:
    """Speak the chosen language from now on."""
    code = (callback.data or "").partition(":")[2]
    if code not in LANGUAGES:
        await answer_button(callback, say.plain("errors.old_button"), alert=True)
        return
    await answer_button(callback)
    await drop_buttons(callback)
    chat_state.language = code
    await bot.send_message(callback.from_user.id, Say(code)("language.changed"))
