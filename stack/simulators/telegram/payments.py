"""Telegram Stars: invoices, the pre-checkout query and its time limit, charges and refunds."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from stack.simulators.telegram.wire import Json, Params, bad_request

ANSWER_SECONDS = 10.0
STARS = "XTR"


@dataclass(frozen=True, slots=True)
class Invoice:
    """A request for Stars; `payload` is the bot's own note and never shown to the person."""

    title: str
    description: str
    payload: str
    amount: int

    @property
    def as_json(self) -> Json:
        """The Invoice object inside a message."""
        return {
            "title": self.title,
            "description": self.description,
            "start_parameter": "",
            "currency": STARS,
            "total_amount": self.amount,
        }

    @property
    def amount_json(self) -> Json:
        """What pre-checkout queries, payments and refunds have in common."""
        return {"currency": STARS, "total_amount": self.amount, "invoice_payload": self.payload}


@dataclass(slots=True)
class Charge:
    """A payment that went through."""

    charge_id: str
    user_id: int
    invoice: Invoice
    date: int
    refunded_at: int | None = None

    @property
    def as_json(self) -> Json:
        """The fields that SuccessfulPayment and RefundedPayment share."""
        return {**self.invoice.amount_json, "telegram_payment_charge_id": self.charge_id}


class Payments:
    """All invoices, open pre-checkout queries and charges of the bot."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.answer_seconds = ANSWER_SECONDS
        self.invoices: dict[tuple[int, int], Invoice] = {}
        self.links: dict[str, Invoice] = {}
        self.charges: dict[str, Charge] = {}
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
    title, description, payload = params.text("title"), params.text("description"), params.text("payload")
    for name, value, longest in (("title", title, 32), ("description", description, 255)):
        if value is None or len(value) > longest:
            raise bad_request(f"invoice {name} is invalid" if value else f"{name} is empty")
    if payload is None or len(payload.encode()) > 128:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if params.text("currency") != STARS:
        raise bad_request("PAYMENT_PROVIDER_INVALID" if params.text("currency") else "currency is empty")
    prices = params.array("prices")
    if prices is None or len(prices) != 1 or not isinstance(prices[0], dict):
        raise bad_request("STARS_INVOICE_INVALID")
    amount = prices[0].get("amount")
    if not prices[0].get("label") or not isinstance(amount, int) or amount < 1:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return Invoice(title or "", description or "", payload, amount)
