"""Answers everything with its copy, as the example of a bot in several files does: `send_copy` calls the method of each kind."""

from aiogram import Router
from aiogram.filters import CommandStart
from aiogram.types import Message
from aiogram.utils.formatting import Bold, Text


def make() -> list[Router]:
    start, echo = Router(name="start"), Router(name="echo")

    @start.message(CommandStart())
    async def greet(message: Message) -> None:
        name = message.from_user.full_name if message.from_user else "you"
        await message.answer(**Text("Hello, ", Bold(name), "!").as_kwargs())

    @echo.message()
    async def copy(message: Message) -> None:
        try:
            await message.send_copy(chat_id=message.chat.id)
        except TypeError:
            await message.answer("Nice try!")

    return [start, echo]
