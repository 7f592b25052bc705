"""/clear: forget the chat, after asking."""

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat import Chat
from bot.chat_state import ChatState
from bot.content.texts import Say
from bot.telegram import answer_button


async def ask(message: Message, chat_state: ChatState, say: Say) -> None:
    """Ask first: a cleared chat cannot be restored."""
    if chat_state.lines:
        await message.answer(say("clear.ask", n=len(chat_state.lines)), reply_markup=keyboards.clear(say))
    else:
        await message.answer(say("clear.nothing"))


async def forget(callback: CallbackQuery, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Forget the chat and offer a new one."""
    if not chat.clear(chat_state):
        await answer_button(callback, say.plain("clear.nothing"))
        return
    await answer_button(callback)
    await _replace_question(callback, say("clear.done"))
    await chat.offer_personas(callback.from_user.id, say)


async def keep(callback: CallbackQuery, say: Say) -> None:
    """Keep everything."""
    await answer_button(callback)
    await _replace_question(callback, say("clear.kept"))


async def _replace_question(callback: CallbackQuery, text: str) -> None:
    """Put the outcome in place of the question, or below when that message can no longer be changed."""
    if isinstance(callback.message, Message):
        try:
            await callback.message.edit_text(text)
        except TelegramBadRequest:
            await callback.message.answer(text)
