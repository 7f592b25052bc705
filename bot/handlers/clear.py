"""/clear: forget the chat, after asking."""

from aiogram import Bot, F, Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from bot import keyboards
from bot.chat_state import Memory
from bot.content.personas import Cast
from bot.content.texts import Say
from bot.telegram import answer_button
from chattrail.events import ChatCleared
from chattrail.tracker import Tracker


def router() -> Router:
    """Make the router."""
    own = Router(name="clear")
    own.message.register(ask, Command("clear"))
    own.callback_query.register(forget, F.data == "clear:yes")
    own.callback_query.register(keep, F.data == "clear:no")
    return own


async def ask(message: Message, memory: Memory, say: Say) -> None:
    """Ask first: there is no way back."""
    if memory.lines:
        await message.answer(say("clear.ask", n=len(memory.lines)), reply_markup=keyboards.clear(say))
    else:
        await message.answer(say("clear.nothing"))


async def forget(callback: CallbackQuery, bot: Bot, memory: Memory, say: Say, cast: Cast, tracker: Tracker) -> None:
    """Forget the chat and offer a new one."""
    count = memory.forget_chat()
    if not count:
        await answer_button(callback, say.plain("clear.nothing"))
        return
    await answer_button(callback)
    tracker.track(ChatCleared(messages=count))
    tracker.annotate(persona_id="", story_id="")
    await _change(callback, say("clear.done"))
    await bot.send_message(callback.from_user.id, say("persona.choose"), reply_markup=keyboards.personas(cast, say))


async def keep(callback: CallbackQuery, say: Say) -> None:
    """Keep everything."""
    await answer_button(callback)
    await _change(callback, say("clear.kept"))


async def _change(callback: CallbackQuery, text: str) -> None:
    """Put the outcome where the question stood, or below when that message can no longer be changed."""
    if isinstance(callback.message, Message):
        try:
            await callback.message.edit_text(text)
        except TelegramBadRequest:
            await callback.message.answer(text)
