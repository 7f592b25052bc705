"""Answers errors of its handlers by their kind, and has one that nobody handles."""

from aiogram import Router
from aiogram.filters import Command, CommandObject, ExceptionMessageFilter, ExceptionTypeFilter
from aiogram.types import ErrorEvent, Message


class AgeError(Exception):
    """The age is no number, or one that nobody has."""


class NameMissingError(Exception):
    """A name is missing."""

    def __init__(self, message: Message) -> None:
        super().__init__("a name is missing")
        self.message = message


def make() -> list[Router]:
    router = Router(name="errors")

    @router.error(ExceptionTypeFilter(AgeError))
    async def wrong_age(event: ErrorEvent) -> bool:
        assert event.update.message is not None
        await event.update.message.answer(f"Wrong age: {event.exception}")
        return True

    @router.error(ExceptionTypeFilter(NameMissingError))
    async def wrong_name(event: ErrorEvent) -> bool:
        assert isinstance(event.exception, NameMissingError)
        await event.exception.message.reply("Please give a name")
        return True

    @router.error(ExceptionMessageFilter("division by zero"))
    async def divided(event: ErrorEvent) -> bool:
        return True  # nothing is said

    @router.message(Command("age"))
    async def age(message: Message, command: CommandObject) -> None:
        if not (command.args or "").isdecimal():
            raise AgeError("no number")
        await message.answer(f"{command.args} is fine")

    @router.message(Command("name"))
    async def name(message: Message, command: CommandObject) -> None:
        if not command.args:
            raise NameMissingError(message)
        await message.answer(f"Hello, {command.args}")

    @router.message(Command("divide"))
    async def divide(message: Message) -> None:
        await message.answer(str(1 // 0))

    return [router]
