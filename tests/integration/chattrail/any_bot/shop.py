"""Selling something for Telegram Stars."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import LabeledPrice, Message, PreCheckoutQuery


def make() -> Router:
    router = Router(name="shop")

    @router.message(Command("shop"))
    async def offer(message: Message) -> None:
        await message.answer_invoice(
            title="Frame", description="For your pictures", payload="frame", currency="XTR",
            prices=[LabeledPrice(label="Frame", amount=25)],
        )  # fmt: skip

    @router.pre_checkout_query()
    async def check(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    @router.message(F.successful_payment)
    async def thank(message: Message) -> None:
        await message.answer("Thank you!")

    return router
