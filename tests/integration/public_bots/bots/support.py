"""Support: what people write is copied to the operators' group, and what an operator replies there is copied to the person."""

from aiogram import Bot, F, Router
from aiogram.exceptions import TelegramForbiddenError
from aiogram.filters import CommandStart
from aiogram.types import Message, ReactionTypeEmoji

OPERATORS = -1001


def make() -> list[Router]:
    router = Router(name="support")
    asked: dict[int, tuple[int, int]] = {}  # the person and their message, by the copy in the group

    @router.message(CommandStart(), F.chat.type == "private")
    async def start(message: Message) -> None:
        await message.answer("What can we do for you?")

    @router.message(F.chat.type == "private", F.text.startswith("forward:"))
    async def forward(message: Message, bot: Bot) -> None:
        forwarded = await message.forward(OPERATORS)
        asked[forwarded.message_id] = message.chat.id, message.message_id

    @router.message(F.chat.type == "private")
    async def ask(message: Message, bot: Bot) -> None:
        copy = await message.copy_to(OPERATORS)
        asked[copy.message_id] = message.chat.id, message.message_id

    @router.edited_message(F.chat.type == "private")
    async def ask_again(message: Message, bot: Bot) -> None:
        copy = await message.copy_to(OPERATORS)
        asked[copy.message_id] = message.chat.id, message.message_id

    @router.message(F.chat.id == OPERATORS, F.reply_to_message)
    async def answer(message: Message, bot: Bot) -> None:
        assert message.reply_to_message is not None
        person, question = asked[message.reply_to_message.message_id]
        try:
            await message.copy_to(person, reply_to_message_id=question)
        except TelegramForbiddenError:
            await bot.send_message(OPERATORS, "They have left")
            return
        await message.react([ReactionTypeEmoji(emoji="👌")])

    return [router]
