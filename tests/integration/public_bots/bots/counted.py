"""A bot with a bit of everything that is counted: answers, edits, buttons, alerts, money; what is delivered twice it does twice."""

from contextlib import suppress

from aiogram import Bot, F, Router
from aiogram.exceptions import TelegramAPIError
from aiogram.filters import Command, CommandObject
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)

MORE = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="More", callback_data="more")]])


def make() -> list[Router]:
    router = Router(name="counted")

    @router.error()
    async def ignore(event: object) -> bool:
        return True  # of who blocked the bot, and of queries that were answered already

    @router.message(Command("buy"))
    async def sell(message: Message, command: CommandObject) -> None:
        amount, currency = (command.args or "1 XTR").split()
        price = LabeledPrice(label="it", amount=int(amount))
        provider = {} if currency == "XTR" else {"provider_token": "1:TEST:1"}
        await message.answer_invoice("It", "This", "it", currency, [price], **provider)  # type: ignore[arg-type]

    @router.pre_checkout_query()
    async def agree(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    @router.message(F.successful_payment)
    async def thank(message: Message) -> None:
        await message.answer("thanks")

    @router.message(F.refunded_payment)
    async def sorry(message: Message) -> None:
        await message.answer("sorry")

    @router.message(F.text)
    async def answer(message: Message) -> None:
        sent = await message.answer("…")
        await sent.edit_text(f"you said {message.text}", reply_markup=MORE)

    @router.message()
    async def copy(message: Message) -> None:
        await message.copy_to(message.chat.id)

    @router.edited_message()
    async def noticed(message: Message) -> None:
        await message.reply("I saw that")

    @router.callback_query()
    async def more(query: CallbackQuery, bot: Bot) -> None:
        with suppress(TelegramAPIError):
            await query.answer("here is more", show_alert=True)
        await bot.send_message(query.from_user.id, "more")

    return [router]
