"""Telegram Stars: invoices, the question before payment and its time limit, charges and refunds."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from stack.simulators.telegram.wire import Json, Params, bad_request

ANSWER_SECONDS = 10.0
STARS = "XTR"


@dataclass(frozen=True, slots=True)
class Invoice:
    """What the bot asks money for; `payload` is the bot's own note and never shown to the person."""

    title: str
    description: str
    payload: str
    currency: str
    amount: int

    @property
    def as_json(self) -> Json:
        """The Invoice object inside a message."""
        return {
            "title": self.title,
            "description": self.description,
            "start_parameter": "",
            "currency": self.currency,
            "total_amount": self.amount,
        }


@dataclass(slots=True)
class Charge:
    """A payment that went through."""

    charge_id: str
    user_id: int
    invoice: Invoice
    date: int
    refunded_at: int | None = None


@dataclass(slots=True)
class PreCheckout:
    """The question to the bot whether a payment may go on."""

    id: str
    invoice: Invoice
    reply: asyncio.Future[str | None] = field(repr=False)
    """None when the bot agrees, else its error message."""


class Payments:
    """All invoices, open questions and charges of the bot."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.answer_seconds = ANSWER_SECONDS
        self.invoices: dict[tuple[int, int], Invoice] = {}
        self.links: dict[str, Invoice] = {}
        self.charges: dict[str, Charge] = {}
        self._open: dict[str, PreCheckout] = {}

    def ask(self, invoice: Invoice) -> PreCheckout:
        """Open the question that the bot must answer in time."""
        question = PreCheckout(str(secrets.randbits(62)), invoice, asyncio.get_running_loop().create_future())
        self._open[question.id] = question
        return question

    async def reply(self, question: PreCheckout) -> str | None:
        """Wait for the bot. Returns None (go on) or the bot's error message. Raises TimeoutError when it is silent."""
        try:
            async with asyncio.timeout(self.answer_seconds):
                return await question.reply
        finally:
            self._open.pop(question.id, None)

    def answer(self, params: Params) -> None:
        """Take the bot's answer. Raises the server's 400 for a late or unknown one."""
        ok, message = params.flag("ok"), params.text("error_message")
        if not ok and message is None:
            raise bad_request("error message must be non-empty")
        question = self._open.pop(params.text("pre_checkout_query_id") or "", None)
        if question is None or question.reply.done():
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        question.reply.set_result(None if ok else message)

    def charge(self, user_id: int, invoice: Invoice) -> Charge:
        """Take the Stars."""
        charge = Charge(f"stx{secrets.token_urlsafe(24)}", user_id, invoice, int(self._clock()))
        self.charges[charge.charge_id] = charge
        return charge

    def refund(self, params: Params) -> Charge:
        """Give the Stars back once. Raises the server's 400s."""
        user_id = params.integer("user_id")
        if user_id is None:
            raise bad_request("invalid user_id specified")
        charge = self.charges.get(params.text("telegram_payment_charge_id") or "")
        if charge is None or charge.user_id != user_id:
            raise bad_request("CHARGE_NOT_FOUND")
        if charge.refunded_at is not None:
            raise bad_request("CHARGE_ALREADY_REFUNDED")
        charge.refunded_at = int(self._clock())
        return charge


def read_invoice(params: Params) -> Invoice:
    """Read and check the invoice of `sendInvoice` or `createInvoiceLink`. Only Stars can be paid here."""
    title, description = params.text("title"), params.text("description")
    payload, currency = params.text("payload"), params.text("currency")
    if title is None or len(title) > 32:
        raise bad_request("invoice title is invalid" if title else "title is empty")
    if description is None or len(description) > 255:
        raise bad_request("invoice description is invalid" if description else "description is empty")
    if payload is None or len(payload.encode()) > 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if currency is None:
        raise bad_request("currency is empty")
    if currency != STARS:
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    prices = params.array("prices")
    if prices is None or len(prices) != 1 or not isinstance(prices[0], dict):
        raise bad_request("STARS_INVOICE_INVALID")
    amount = prices[0].get("amount")
    if not prices[0].get("label") or not isinstance(amount, int) or amount < 1:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return Invoice(title, description, payload, currency, amount)
