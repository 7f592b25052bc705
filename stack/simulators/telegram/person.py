"""A person's side of the chat: write, press, pay, block, and wait for what the bot really sends."""

from functools import partial
from typing import Literal

from stack.simulators.telegram.chat_observer import Button
from stack.simulators.telegram.payments import Invoice
from stack.simulators.telegram.person_actions import PersonActions
from stack.simulators.telegram.person_messages import PersonMessages


class PaymentError(Exception):
    """A payment did not go through: the bot refused (its message is the text) or did not answer in time."""


class Person(PersonActions, PersonMessages):
    """One simulated person. Made by `TelegramServer.person`."""

    async def press(self, button: str | Button) -> str:
        """Press a button, given by label or callback data; the newest one wins. Returns the callback query's id.

        A label on the keyboard below the input line is sent as a text instead, and the id of that message is returned.
        Raises LookupError naming the buttons in sight.
        """
        found = button if isinstance(button, Button) else self._find(button)
        self._from_here = self.chat.position
        if found is None:
            return str(await self.send(str(button)))
        message = self.chat.messages.get(found.message_id)
        if message is None or found.data is None:
            raise LookupError(f"the button {found.text!r} is gone, or sends no callback")
        self._require_unblocked("press a button")
        return self._state.press(self.chat, message, found.data)

    async def pay(self, link: str | None = None) -> str:
        """Pay the newest invoice in sight, or an invoice link. Returns the charge id. Raises PaymentError."""
        payments = self._state.payments
        message_id, invoice = (None, payments.links[link]) if link else self._open_invoice()
        charge = await self._pay(invoice)
        if message_id is not None:
            del payments.invoices[self.id, message_id]
        return charge

    async def renew(self, charge_id: str) -> str:
        """Let Telegram take the next payment of a subscription, which it does unasked. Returns the new charge id."""
        first = self._state.payments.subscription(self.id, charge_id)
        charge = self._state.payments.charge(self.id, first.invoice, first.charge_id)
        self._post({"successful_payment": charge.paid_json})
        return charge.charge_id

    async def change_subscription(self, charge_id: str, state: Literal["canceled", "active", "failed"]) -> None:
        """Cancel a subscription, take it up again, or let its payment fail."""
        first = self._state.payments.subscription(self.id, charge_id)
        first.canceled = state == "canceled"
        payload = first.invoice.payload
        self._state.updates.put("subscription", {"user": self.user, "invoice_payload": payload, "state": state})

    async def buy_media(self, message_id: int) -> None:
        """Pay for the media of a message. The bot is told only if it gave them a payload."""
        payload = self._state.payments.paid_media[self.id, message_id]
        if payload:
            self._state.updates.put("purchased_paid_media", {"from": self.user, "paid_media_payload": payload})

    async def _pay(self, invoice: Invoice) -> str:
        self._require_unblocked("pay")
        self._from_here = self.chat.position
        payments, put = self._state.payments, partial(self._state.updates.put, "pre_checkout_query")
        try:
            refusal = await payments.pre_checkout(
                lambda query_id: put({"id": query_id, "from": self.user, **invoice.amount_json})
            )
        except TimeoutError:
            limit = payments.answer_seconds
            raise PaymentError(f"the bot did not answer the pre-checkout query within {limit:g} s") from None
        if refusal is not None:
            raise PaymentError(refusal)
        charge = payments.charge(self.id, invoice)
        self._post({"successful_payment": charge.paid_json})
        return charge.charge_id

    async def decline(self) -> None:
        """Close the payment form of the newest invoice: Telegram sends the bot nothing about it."""
        message_id, _ = self._open_invoice()
        del self._state.payments.invoices[self.id, message_id]

    async def block(self) -> None:
        """Block the bot."""
        self._state.set_blocked(self.chat, True)

    async def unblock(self) -> None:
        """Unblock the bot (a client then usually sends /start, which `send` does)."""
        self._state.set_blocked(self.chat, False)

    def _find(self, name: str) -> Button | None:
        for button in self.buttons:
            if name in {button.text, button.data}:
                return button
        keyboard = (self.chat.keyboard or {}).get("keyboard", [])
        if any(name == (key if isinstance(key, str) else key["text"]) for row in keyboard for key in row):
            return None
        raise LookupError(f"no button {name!r} in sight; there are {[(b.text, b.data) for b in self.buttons[:20]]}")

    def _open_invoice(self) -> tuple[int, Invoice]:
        open_here = [message_id for chat_id, message_id in self._state.payments.invoices if chat_id == self.id]
        if not open_here:
            raise LookupError(f"person {self.id} sees no unpaid invoice")
        return max(open_here), self._state.payments.invoices[self.id, max(open_here)]
