"""/refund, for the admins named in the settings: beside the commands of chattrail's `owner_router`."""

from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import CommandObject
from aiogram.types import Message

from bot.chat import Chat
from bot.content.texts import Say


async def refund(message: Message, command: CommandObject, say: Say, chat: Chat) -> None:
    """/refund person charge: give the Stars back. The person's premium ends with it."""
    parts = (command.args or "").split()
    if len(parts) != 2 or not parts[0].isdigit():
        await message.answer(say("admin.refund_usage"))
        return
    person, charge_id = int(parts[0]), parts[1]
    try:
        # Telegram knows every charge, also one that this ledger has lost.
        await chat.bot.refund_star_payment(person, charge_id)
    except TelegramBadRequest as error:
        await message.answer(say("admin.refund_failed", reason=error.message))
        if "ALREADY_REFUNDED" in error.message:
            await chat.ledger.refunded(person, charge_id, chat.clock())
        return
    # The service message that follows finds the refund in the ledger, and only informs the person.
    await chat.ledger.refunded(person, charge_id, chat.clock())
    await message.answer(say("admin.refund_done", charge=charge_id, person=parts[0]))
