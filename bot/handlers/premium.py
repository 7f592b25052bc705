"""Premium by Telegram Stars: plans, invoice, pre-checkout, payment, refund, expiry."""

import logging
from datetime import datetime
from typing import Protocol

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, LabeledPrice, Message, PreCheckoutQuery
from babel.dates import format_date

from bot import keyboards
from bot.chat_state import ChatState
from bot.content.plans import PLANS
from bot.content.texts import Say
from bot.middleware import Clock
from bot.premium import Ledger
from bot.telegram import answer_button
from chattrail.events import PremiumAction
from chattrail.tracker import Tracker

_log = logging.getLogger(__name__)
_CURRENCY = "XTR"  # Telegram Stars


class PremiumContext(Protocol):
    """What `has_premium` needs; the chat has it."""

    @property
    def bot(self) -> Bot: ...  # noqa: D102
    @property
    def ledger(self) -> Ledger: ...  # noqa: D102
    @property
    def tracker(self) -> Tracker: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102


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


async def has_premium(person: int, chat_state: ChatState, say: Say, context: PremiumContext) -> bool:
    """Whether the person has premium now; when it has ended, the person gets one message about that."""
    status = await context.ledger.status(person)
    if status.active(context.clock()):
        return True
    if chat_state.premium_plan is not None:
        plan, chat_state.premium_plan = chat_state.premium_plan, None
        context.tracker.track(PremiumAction(action="expired", plan=plan))
        await context.bot.send_message(person, say("premium.expired"))
    return False


async def show_plans(message: Message, bot: Bot, say: Say, ledger: Ledger, tracker: Tracker, clock: Clock) -> None:
    """/premium."""
    assert message.from_user is not None
    status = await ledger.status(message.from_user.id)
    text = say("premium.intro")
    if status.until is not None and status.active(clock()):
        text += "\n\n" + say("premium.until", date=_date(status.until, say))
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


async def paid(message: Message, chat_state: ChatState, say: Say, ledger: Ledger, clock: Clock) -> None:
    """Enter the payment. Telegram may send it twice; the charge id makes it count once."""
    assert message.from_user is not None
    assert message.successful_payment is not None
    person, charge = message.from_user.id, message.successful_payment.telegram_payment_charge_id
    plan = PLANS.get(message.successful_payment.invoice_payload)
    if plan is None:
        _log.error("a payment for an unknown plan came in: charge %s", charge)
        await message.answer(say("premium.gone"))
        return
    try:
        is_new = await ledger.paid(person, plan, charge, clock())
    except Exception:
        _log.error("a payment could not be entered; give it back: /refund %d %s", person, charge)
        raise
    if is_new:
        chat_state.premium_plan = plan.id
        until = (await ledger.status(person)).until
        assert until is not None
        await message.answer(say("premium.thanks", date=_date(until, say)))


async def refunded(message: Message, chat_state: ChatState, say: Say, ledger: Ledger, clock: Clock) -> None:
    """Enter a refund, whether by /refund or by Telegram itself."""
    assert message.from_user is not None
    assert message.refunded_payment is not None
    payment = message.refunded_payment
    person = message.from_user.id
    await ledger.refunded(person, payment.telegram_payment_charge_id, clock())
    if not (await ledger.status(person)).active(clock()):
        chat_state.premium_plan = None
    await message.answer(say("premium.refunded", amount=payment.total_amount))


def _date(when: datetime, say: Say) -> str:
    return format_date(when, format="long", locale=say.language)
