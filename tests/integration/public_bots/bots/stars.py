"""Takes donations in Stars, refuses what is too much, gives some back; and sells in another currency and by subscription."""

from aiogram import Bot, F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import LabeledPrice, Message, PreCheckoutQuery

MOST = 500


def make() -> list[Router]:
    router = Router(name="stars")

    @router.message(Command("donate"))
    async def donate(message: Message, command: CommandObject) -> None:
        amount = int(command.args or 10)
        await message.answer_invoice(
            title="Donation", description=f"{amount} Stars", payload=f"donation {amount}", currency="XTR",
            prices=[LabeledPrice(label="XTR", amount=amount)],
        )  # fmt: skip

    @router.message(Command("shop"))
    async def sell(message: Message) -> None:
        await message.answer_invoice(
            title="Mug", description="A mug", payload="mug", currency="EUR", provider_token="284685063:TEST:Zm9v",
            prices=[LabeledPrice(label="Mug", amount=1250), LabeledPrice(label="Post", amount=350)],
        )  # fmt: skip

    @router.message(Command("subscribe"))
    async def subscribe(message: Message, bot: Bot) -> None:
        link = await bot.create_invoice_link(
            "Club", "A month in the club", "club", "XTR", [LabeledPrice(label="Club", amount=50)],
            subscription_period=2_592_000,
        )  # fmt: skip
        await message.answer(f"Join: {link}")

    @router.pre_checkout_query()
    async def check(query: PreCheckoutQuery) -> None:
        if query.currency == "XTR" and query.total_amount > MOST:
            await query.answer(ok=False, error_message="That is too kind")
        else:
            await query.answer(ok=True)

    @router.message(F.successful_payment)
    async def thank(message: Message, bot: Bot) -> None:
        payment = message.successful_payment
        assert payment is not None
        assert message.from_user is not None
        await message.answer("Thanks!")
        if payment.invoice_payload == "donation 1":
            await bot.refund_star_payment(message.from_user.id, payment.telegram_payment_charge_id)

    @router.message(F.refunded_payment)
    async def refunded(message: Message) -> None:
        await message.answer("Your Stars are back")

    return [router]
