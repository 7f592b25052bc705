"""Premium by Telegram Stars: plans, invoice, pre-checkout, payment, refund, expiry."""

import logging
from datetime import datetime
from typing import Protocol

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, LabeledPrice, Message, PreCheckoutQuery
from babel.dates import format_date

from bot import keyboards
from bot.chat_state import Memory
from bot.content.plans import PLANS
from bot.content.texts import Say
from bot.middleware import Clock
from bot.premium import Ledger
from bot.telegram import answer_button
from chattrail.events import PremiumAction
from chattrail.tracker import Tracker

_log = logging.getLogger(__name__)
_CURRENCY = "XTR"  # Telegram Stars


class Premises(Protocol):
    """What it takes to know whether somebody has premium."""

    bot: Bot
    ledger: Ledger
    tracker: Tracker
    clock: Clock


def router() -> Router:
    """Make the router."""
    own = Router(name="premium")
    own.message.register(show_plans, Command("premium"))
    own.message.register(paid, F.successful_payment)
    own.message.register(refunded, F.refunded_payment)
    own.callback_query.register(invoice, F.data.startswith("premium:"))
    own.pre_checkout_query.register(check)
    return own


async def offer(bot: Bot, person: int, text: str, say: Say, tracker: Tracker) -> None:
    """Offer premium with its plans."""
    tracker.track(PremiumAction(action="offered"))
    await bot.send_message(person, text, reply_markup=keyboards.plans(say))


async def has_premium(person: int, memory: Memory, say: Say, premises: Premises) -> bool:
    """Tell whether the person has premium now, and tell the person once when it has ended."""
    standing = await premises.ledger.standing(person)
    if standing.active(premises.clock()):
        return True
    if memory.premium_plan is not None:
        plan, memory.premium_plan = memory.premium_plan, None
        premises.tracker.track(PremiumAction(action="expired", plan=plan))
        await premises.bot.send_message(person, say("premium.expired"))
    return False


async def show_plans(message: Message, bot: Bot, say: Say, ledger: Ledger, tracker: Tracker, clock: Clock) -> None:
    """/premium."""
    assert message.from_user is not None
    standing = await ledger.standing(message.from_user.id)
    text = say("premium.intro")
    if standing.until is not None and standing.active(clock()):
        text += "\n\n" + say("premium.until", date=_date(standing.until, say))
    await offer(bot, message.from_user.id, text, say, tracker)


async def invoice(callback: CallbackQuery, bot: Bot, say: Say) -> None:
    """Send the invoice for a plan. Stars need no payment provider."""
    plan = PLANS.get((callback.data or "").partition(":")[2])
    if plan is None:
        await answer_button(callback, say.plain("premium.gone"), alert=True)
        return
    await answer_button(callback)
    title = say.plain(f"premium.{plan.id}")
    await bot.send_invoice(
        callback.from_user.id,
        title=title,
        description=say.plain("premium.description"),
        payload=plan.id,  # the payload is what analytics knows a plan by
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


async def paid(message: Message, memory: Memory, say: Say, ledger: Ledger, clock: Clock) -> None:
    """Enter the payment. Telegram may tell of it twice; the charge id makes it count once."""
    assert message.from_user is not None
    assert message.successful_payment is not None
    payment = message.successful_payment
    plan = PLANS.get(payment.invoice_payload)
    if plan is None:
        _log.error("a payment for an unknown plan came in: charge %s", payment.telegram_payment_charge_id)
        await message.answer(say("premium.gone"))
        return
    try:
        new = await ledger.paid(message.from_user.id, plan, payment.telegram_payment_charge_id, clock())
    except Exception:
        charge = payment.telegram_payment_charge_id
        _log.error("a payment could not be entered; give it back: /refund %d %s", message.from_user.id, charge)
        raise
    if not new:
        return
    memory.premium_plan = plan.id
    standing = await ledger.standing(message.from_user.id)
    assert standing.until is not None
    await message.answer(say("premium.thanks", date=_date(standing.until, say)))


async def refunded(message: Message, memory: Memory, say: Say, ledger: Ledger, clock: Clock) -> None:
    """Telegram tells that Stars went back, whether by /refund or by Telegram itself."""
    assert message.from_user is not None
    assert message.refunded_payment is not None
    payment = message.refunded_payment
    person = message.from_user.id
    await ledger.refunded(person, payment.telegram_payment_charge_id, clock())
    if not (await ledger.standing(person)).active(clock()):
        memory.premium_plan = None
    await message.answer(say("premium.refunded", amount=payment.total_amount))


def _date(when: datetime, say: Say) -> str:
    return format_date(when, format="long", locale=say.language)
