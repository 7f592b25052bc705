"""/help, and the answers to updates that no other handler takes. This router comes last."""

from aiogram.types import CallbackQuery, Message

from bot.content.texts import Say
from bot.telegram import answer_button


async def show_help(message: Message, say: Say) -> None:
    """Say what the bot can do."""
    await message.answer(say("help.text"))


async def unknown_command(message: Message, say: Say) -> None:
    """Answer an unknown command, or one that is for admins only."""
    await message.answer(say("errors.unknown_command"))


async def not_text(message: Message, say: Say) -> None:
    """Answer a message without text. Service messages get no answer."""
    await message.answer(say("chat.only_text"))


async def old_button(callback: CallbackQuery, say: Say) -> None:
    """Answer a button that an earlier version of the bot sent."""
    await answer_button(callback, say.plain("errors.old_button"), alert=True)
