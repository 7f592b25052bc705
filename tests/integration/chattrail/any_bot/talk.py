"""Small talk: commands, an echo, and one handler with a bug."""

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.methods import SendMessage
from aiogram.types import ErrorEvent, Message


def make() -> Router:
    router = Router(name="talk")

    @router.message(CommandStart())
    async def start(message: Message) -> None:
        await message.answer("Welcome to <b>my</b> bot", parse_mode="HTML")

    @router.message(Command("help"))
    async def show_help(message: Message) -> SendMessage:
        return message.answer("Try /survey, /gallery or /shop")  # sent by aiogram, as a handler may leave it

    @router.message(Command("broken"))
    async def broken(message: Message) -> None:
        raise LookupError("nothing here")

    @router.error()
    async def apologise(event: ErrorEvent) -> bool:
        if event.update.message is not None:
            await event.update.message.answer("Something went wrong")
        return True

    return router


def make_last() -> Router:
    router = Router(name="echo")

    @router.message(F.photo)
    async def admire(message: Message) -> None:
        await message.reply("Nice picture")

    @router.message(F.text)
    async def echo(message: Message) -> None:
        answer = await message.answer("…")
        await answer.edit_text(f"You said: {message.text}")

    return router
