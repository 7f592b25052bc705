"""Payments, in Stars and other currencies: invoices, the pre-checkout query and its time limit, subscriptions, refunds."""

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stack.simulators.telegram.wire import Json, Params, bad_request

ANSWER_SECONDS = 10.0
STARS = "XTR"
SUBSCRIPTION_SECONDS = 2_592_000
"""The only period that Telegram takes, 30 days."""
CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Invoice:
    """A request for money, in the currency's smallest units; `payload` is the bot's own note and never shown to the person."""

    title: str
    description: str
    payload: str
    amount: int
    currency: str = STARS
    subscription: bool = False

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

    @property
    def amount_json(self) -> Json:
        """What pre-checkout queries, payments and refunds have in common."""
        return {"currency": self.currency, "total_amount": self.amount, "invoice_payload": self.payload}


@dataclass(slots=True)
class Charge:
    """A payment that went through."""

    charge_id: str
    user_id: int
    invoice: Invoice
    date: int
    refunded_at: int | None = None
    first: str | None = None
    """Of a subscription's payment: the charge that began it, which may be this one."""
    until: int | None = None
    canceled: bool = False

    @property
    def as_json(self) -> Json:
        """The fields that SuccessfulPayment and RefundedPayment share."""
        return {**self.invoice.amount_json, "telegram_payment_charge_id": self.charge_id}

    @property
    def paid_json(self) -> Json:
        """The SuccessfulPayment object."""
        paid = {
            **self.as_json,
            "provider_payment_charge_id": "" if self.invoice.currency == STARS else f"test_{self.date}",
        }
        if self.first is not None:
            paid |= {"is_recurring": True, "subscription_expiration_date": self.until}
            paid |= {"is_first_recurring": True} if self.first == self.charge_id else {}
        return paid


class Payments:
    """All invoices, open pre-checkout queries and charges of the bot."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.answer_seconds = ANSWER_SECONDS
        self.invoices: dict[tuple[int, int], Invoice] = {}
        self.links: dict[str, Invoice] = {}
        self.charges: dict[str, Charge] = {}
        self.paid_media: dict[tuple[int, int], str] = {}
        """Payloads of the paid media, by chat and message."""
        self._open: dict[str, asyncio.Future[str | None]] = {}

    async def pre_checkout(self, send: Callable[[str], object]) -> str | None:
        """Send a pre-checkout query of a new id and wait for the bot.

        Returns None when the bot agrees, else its error message. Raises TimeoutError when it does not answer in time.
        """
        query_id = str(secrets.randbits(62))
        reply: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._open[query_id] = reply
        send(query_id)
        try:
            async with asyncio.timeout(self.answer_seconds):
                return await reply
        finally:
            self._open.pop(query_id, None)

    def answer(self, params: Params) -> None:
        """Take the bot's answer. Raises the server's 400 for a late or unknown one."""
        ok, message = params.flag("ok"), params.text("error_message")
        if not ok and message is None:
            raise bad_request("error message must be non-empty")
        reply = self._open.pop(params.text("pre_checkout_query_id") or "", None)
        if reply is None or reply.done():
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        reply.set_result(None if ok else message)

    def charge(self, user_id: int, invoice: Invoice, first: str | None = None) -> Charge:
        """Take the money. `first` is the charge whose subscription this payment renews."""
        charge = Charge(f"stx{secrets.token_urlsafe(24)}", user_id, invoice, int(self._clock()), first=first)
        if invoice.subscription:
            charge.first = first or charge.charge_id
            charge.until = charge.date + SUBSCRIPTION_SECONDS
        self.charges[charge.charge_id] = charge
        return charge

    def subscription(self, user_id: int | None, charge_id: str | None) -> Charge:
        """Return the payment that began a subscription. Raises the server's 400."""
        charge = self.charges.get(charge_id or "")
        if charge is None or charge.user_id != user_id or charge.first is None:
            raise bad_request("CHARGE_NOT_FOUND")
        return self.charges[charge.first]

    def refund(self, params: Params) -> Charge:
        """Give the Stars back once. Raises the server's 400s."""
        user_id = params.integer("user_id")
        if user_id is None:
            raise bad_request("invalid user_id specified")
        charge = self.charges.get(params.text("telegram_payment_charge_id") or "")
        if charge is None or charge.user_id != user_id or charge.invoice.currency != STARS:
            raise bad_request("CHARGE_NOT_FOUND")
        if charge.refunded_at is not None:
            raise bad_request("CHARGE_ALREADY_REFUNDED")
        charge.refunded_at = int(self._clock())
        return charge


def read_invoice(params: Params, *, link: bool) -> Invoice:
    """Read and check the invoice of `sendInvoice` or `createInvoiceLink`. A link alone may be to a subscription."""
    title, description, payload = params.text("title"), params.text("description"), params.text("payload")
    for name, value, longest in (("title", title, 32), ("description", description, 255)):
        if value is None or len(value) > longest:
            raise bad_request(f"invoice {name} is invalid" if value else f"{name} is empty")
    if payload is None or len(payload.encode()) > 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    currency = params.text("currency")
    if currency is None:
        raise bad_request("currency is empty")
    if not CURRENCY.fullmatch(currency):
        raise bad_request("CURRENCY_INVALID")
    if currency != STARS and params.text("provider_token") is None:
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    period = params.integer("subscription_period")
    if period is not None and (not link or currency != STARS or period != SUBSCRIPTION_SECONDS):
        raise bad_request("SUBSCRIPTION_PERIOD_INVALID")
    amount = _total(params.array("prices"), stars=currency == STARS)
    return Invoice(title or "", description or "", payload, amount, currency, period is not None)


def _total(prices: list[Any] | None, *, stars: bool) -> int:
    """Add the prices, of which an invoice in Stars has one."""
    if not prices or not all(isinstance(price, dict) for price in prices) or (stars and len(prices) != 1):
        raise bad_request("STARS_INVOICE_INVALID" if stars else "there must be at least one price")
    amounts = [price.get("amount") for price in prices]
    total = sum(amount for amount in amounts if isinstance(amount, int))
    if not all(price.get("label") for price in prices) or not all(isinstance(one, int) for one in amounts) or total < 1:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return total
