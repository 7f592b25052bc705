"""Premium by Telegram Stars: plans, invoice, pre-checkout, payment, refund."""

import logging
from datetime import datetime

from aiogram.types import CallbackQuery, LabeledPrice, Message, PreCheckoutQuery
from babel.dates import format_date

from bot.chat import Chat
from bot.chat_state import ChatState
from bot.content.plans import PLANS
from bot.content.texts import Say
from bot.telegram import answer_button

_log = logging.getLogger(__name__)
_CURRENCY = "XTR"  # Telegram Stars


async def show_plans(message: Message, say: Say, chat: Chat) -> None:
    """/premium."""
    status = await chat.ledger.status(message.chat.id)
    text = say("premium.intro")
    if status.until is not None and status.active(chat.clock()):
        text += "\n\n" + say("premium.until", date=_date(status.until, say))
    await chat.offer_premium(message.chat.id, text, say)


async def invoice(callback: CallbackQuery, say: Say, chat: Chat) -> None:
    """Send the invoice for a plan. Stars need no payment provider."""
    plan = PLANS.get((callback.data or "").partition(":")[2])
    if plan is None:
        await answer_button(callback, say.plain("premium.gone"), alert=True)
        return
    await answer_button(callback)
    title = say.plain(f"premium.{plan.id}")
    await chat.bot.send_invoice(
        callback.from_user.id,
        title=title,
        description=say.plain("premium.description"),
        payload=plan.id,  # analytics names a plan by the payload
        currency=_CURRENCY,
        prices=[LabeledPrice(label=title, amount=plan.stars)],
    )


async def check(query: PreCheckoutQuery) -> None:
    """Agree to a payment only if it is for a plan at its present price. Telegram waits ten seconds at most."""
    plan = PLANS.get(query.invoice_payload)
    if plan is not None and query.currency == _CURRENCY and query.total_amount == plan.stars:
        await query.answer(ok=True)
    else:
        await query.answer(ok=False, error_message=Say.to(query.from_user.language_code).plain("premium.gone"))


async def paid(message: Message, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Enter the payment. Telegram may send it twice; the charge id makes it count once."""
    assert message.successful_payment is not None
    person, charge = message.chat.id, message.successful_payment.telegram_payment_charge_id
    plan = PLANS.get(message.successful_payment.invoice_payload)
    if plan is None:
        _log.error("a payment for an unknown plan came in: charge %s", charge)
        await message.answer(say("premium.gone"))
        return
    try:
        is_new = await chat.ledger.paid(person, plan, charge, chat.clock())
    except Exception:
        _log.error("a payment could not be entered; give it back: /refund %d %s", person, charge)
        raise
    if is_new:
        chat_state.premium_plan = plan.id
        until = (await chat.ledger.status(person)).until
        assert until is not None
        await message.answer(say("premium.thanks", date=_date(until, say)))


async def refunded(message: Message, chat_state: ChatState, say: Say, chat: Chat) -> None:
    """Enter a refund, whether by /refund or by Telegram itself."""
    assert message.refunded_payment is not None
    payment, person = message.refunded_payment, message.chat.id
    await chat.ledger.refunded(person, payment.telegram_payment_charge_id, chat.clock())
    if not (await chat.ledger.status(person)).active(chat.clock()):
        chat_state.premium_plan = None
    await message.answer(say("premium.refunded", amount=payment.total_amount))


def _date(when: datetime, say: Say) -> str:
    return format_date(when, format="long", locale=say.language)
