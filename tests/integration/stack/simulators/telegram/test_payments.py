"""Telegram Stars: invoices, the time limit before payment, refunds."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.exceptions import (
    TelegramBadRequest,
)
from aiogram.types import (
    LabeledPrice,
    Message,
    PreCheckoutQuery,
)

from stack.simulators.telegram.person import PaymentError
from stack.simulators.telegram.server import TelegramServer
from tests.integration.stack.simulators.telegram.support import keyboard, updates


async def send_invoice(bot: Bot, **changes: Any) -> Message:
    invoice: dict[str, Any] = {
        "chat_id": 1001,
        "title": "Month",
        "description": "A month of premium",
        "payload": "month",
        "currency": "XTR",
        "prices": [LabeledPrice(label="Month", amount=250)],
    }
    return await bot.send_invoice(**(invoice | changes))


async def test_paying_with_stars_and_getting_them_back(
    bot: Bot, ann: Any, polling: Callable[[Dispatcher], None]
) -> None:
    dispatcher = Dispatcher()
    seen: list[Message] = []

    @dispatcher.pre_checkout_query()
    async def agree(query: PreCheckoutQuery) -> None:
        assert (query.currency, query.total_amount, query.invoice_payload) == ("XTR", 250, "month")
        await query.answer(ok=True)

    @dispatcher.message(F.successful_payment | F.refunded_payment)
    async def note(message: Message) -> None:
        seen.append(message)
        await message.answer("noted")

    polling(dispatcher)
    invoice = await send_invoice(bot)
    assert invoice.invoice
    assert (invoice.invoice.total_amount, invoice.invoice.currency) == (250, "XTR")
    assert invoice.reply_markup
    assert invoice.reply_markup.inline_keyboard[0][0].pay
    charge_id = await ann.pay()
    await ann.wait(lambda m: m.text == "noted")
    paid = seen[0].successful_payment
    assert paid
    assert (paid.telegram_payment_charge_id, paid.total_amount, paid.currency) == (charge_id, 250, "XTR")
    with pytest.raises(LookupError, match="no unpaid invoice"):
        await ann.pay()

    with pytest.raises(TelegramBadRequest, match="CHARGE_NOT_FOUND"):
        await bot.refund_star_payment(user_id=1001, telegram_payment_charge_id="nonsense")
    assert await bot.refund_star_payment(user_id=1001, telegram_payment_charge_id=charge_id)
    await ann.wait(lambda m: m.text == "noted")
    refunded = seen[1].refunded_payment
    assert refunded
    assert (refunded.telegram_payment_charge_id, refunded.total_amount) == (charge_id, 250)
    assert seen[1].from_user is not None
    assert (seen[1].from_user.id, seen[1].from_user.is_bot, seen[1].chat.id) == (bot.id, True, 1001)
    with pytest.raises(TelegramBadRequest, match="CHARGE_ALREADY_REFUNDED"):
        await bot.refund_star_payment(user_id=1001, telegram_payment_charge_id=charge_id)
    transactions = (await bot.get_star_transactions()).transactions
    assert [(t.id, t.amount, t.source is not None) for t in transactions] == [
        (charge_id, 250, True),
        (charge_id, 250, False),
    ]


async def test_a_bot_may_refuse_a_payment_or_be_too_late(bot: Bot, telegram: TelegramServer, ann: Any) -> None:
    await send_invoice(bot)
    paying = asyncio.create_task(ann.pay())
    query = (await updates(bot, offset=-1, timeout=5))[-1].pre_checkout_query
    while query is None:
        query = (await updates(bot, offset=-1, timeout=5))[-1].pre_checkout_query
    with pytest.raises(TelegramBadRequest, match="error message must be non-empty"):
        await bot.answer_pre_checkout_query(query.id, ok=False)
    await bot.answer_pre_checkout_query(query.id, ok=False, error_message="Sold out")
    with pytest.raises(PaymentError, match="Sold out"):
        await paying
    telegram.payment_answer_seconds = 0.1
    with pytest.raises(PaymentError, match="did not answer the pre-checkout query within"):
        await ann.pay()
    late = (await updates(bot, offset=-1))[-1].pre_checkout_query
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_pre_checkout_query(late.id, ok=True)
    await ann.decline()
    with pytest.raises(LookupError, match="no unpaid invoice"):
        await ann.pay()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"currency": "USD"}, "PAYMENT_PROVIDER_INVALID"),
        ({"prices": []}, "STARS_INVOICE_INVALID"),
        ({"prices": [LabeledPrice(label="a", amount=0)]}, "CURRENCY_TOTAL_AMOUNT_INVALID"),
        ({"payload": "x" * 129}, "INVOICE_PAYLOAD_INVALID"),
        ({"title": "x" * 33}, "invoice title is invalid"),
        ({"reply_markup": keyboard(("A", "a"))}, "must be a Pay button"),
    ],
)
async def test_a_bad_invoice_is_refused(bot: Bot, ann: Any, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TelegramBadRequest, match=complaint):
        await send_invoice(bot, **changes)


async def test_an_invoice_link_can_be_paid(bot: Bot, ann: Any, polling: Callable[[Dispatcher], None]) -> None:
    dispatcher = Dispatcher()

    @dispatcher.pre_checkout_query()
    async def agree(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    polling(dispatcher)
    prices = [LabeledPrice(label="Month", amount=5)]
    link = await bot.create_invoice_link("Month", "A month", "month", "XTR", prices)
    assert link.startswith("https://t.me/$")
    assert await ann.pay(link)
    successful = ann.history[-1].successful_payment
    assert successful is not None
    assert successful.total_amount == 5


async def test_a_subscription_renews_and_is_cancelled(
    bot: Bot, telegram: TelegramServer, ann: Any, polling: Callable[[Dispatcher], None]
) -> None:
    dispatcher = Dispatcher()
    changes: asyncio.Queue[str] = asyncio.Queue()

    @dispatcher.pre_checkout_query()
    async def agree(query: PreCheckoutQuery) -> None:
        await query.answer(ok=True)

    @dispatcher.subscription()
    async def changed(change: Any) -> None:
        changes.put_nowait(change.state)

    polling(dispatcher)
    prices = [LabeledPrice(label="Month", amount=5)]
    link = await bot.create_invoice_link("M", "A month", "month", "XTR", prices, subscription_period=2_592_000)
    first = await ann.pay(link)
    assert await ann.renew(first) != first
    begun, renewed = [message.successful_payment for message in ann.history[-2:]]
    assert (begun.is_recurring, begun.is_first_recurring) == (True, True)
    assert (renewed.is_recurring, renewed.is_first_recurring) == (True, None)
    await ann.change_subscription(first, "canceled")
    assert await changes.get() == "canceled"
    assert await bot.edit_user_star_subscription(1001, first, is_canceled=False)
    with pytest.raises(TelegramBadRequest, match="CHARGE_NOT_FOUND"):
        await bot.edit_user_star_subscription(1001, "stx", is_canceled=True)
