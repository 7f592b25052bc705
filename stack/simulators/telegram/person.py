"""A person's side of the chat: write, press, pay, block, and wait for what the bot really sends."""

from functools import partial

from stack.simulators.telegram.chat_observer import Button, ChatObserver
from stack.simulators.telegram.entities import typed_entities
from stack.simulators.telegram.payments import Invoice
from stack.simulators.telegram.wire import Json


class PaymentError(Exception):
    """A payment did not go through: the bot refused (its message is the text) or did not answer in time."""


class Person(ChatObserver):
    """One simulated person. Made by `TelegramServer.person`."""

    async def send(self, text: str) -> int:
        """Type a text or a command. Returns the message id."""
        entities = typed_entities(text)
        return self._post({"text": text, **({"entities": entities} if entities else {})})

    async def send_photo(self, data: bytes, caption: str | None = None) -> int:
        """Send a photo, caption optional. Returns the message id."""
        content: Json = {"photo": await self._state.files.add_photo(data)}
        return self._post(content | ({"caption": caption} if caption else {}))

    async def send_voice(self, data: bytes, duration: int = 3) -> int:
        """Send a voice message (OGG). Returns the message id."""
        return self._send_file("voice", data, "voice", "oga", duration=duration, mime_type="audio/ogg")

    async def send_document(self, data: bytes, name: str, mime_type: str = "application/octet-stream") -> int:
        """Send a file as it is. Returns the message id."""
        extension = name.rpartition(".")[2]
        return self._send_file("document", data, "documents", extension, file_name=name, mime_type=mime_type)

    async def send_sticker(self, data: bytes = b"RIFF\0\0\0\0WEBP", emoji: str = "👍") -> int:
        """Send a sticker. Returns the message id."""
        facts: Json = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
        return self._send_file("sticker", data, "stickers", "webp", **facts, emoji=emoji)

    async def press(self, button: str | Button) -> str:
        """Press a button, given by label or callback data; the newest one wins. Returns the callback query's id.

        A label on the keyboard below the input line is sent as a text instead, and the id of that message is returned.
        Raises LookupError naming the buttons in sight.
        """
        found = button if isinstance(button, Button) else self._find(button)
        self._from_here = self._chat.position
        if found is None:
            return str(await self.send(str(button)))
        message = self._chat.messages.get(found.message_id)
        if message is None or found.data is None:
            raise LookupError(f"the button {found.text!r} is gone, or sends no callback")
        self._require_unblocked("press a button")
        return self._state.press(self._chat, message, found.data)

    async def pay(self, link: str | None = None) -> str:
        """Pay the newest invoice in sight, or an invoice link. Returns the charge id. Raises PaymentError."""
        payments = self._state.payments
        message_id, invoice = (None, payments.links[link]) if link else self._open_invoice()
        self._require_unblocked("pay")
        self._from_here = self._chat.position
        put = partial(self._state.updates.put, "pre_checkout_query")
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
        if message_id is not None:
            del payments.invoices[self.id, message_id]
        self._post({"successful_payment": {**charge.as_json, "provider_payment_charge_id": ""}})
        return charge.charge_id

    async def decline(self) -> None:
        """Close the payment form of the newest invoice: Telegram sends the bot nothing about it."""
        message_id, _ = self._open_invoice()
        del self._state.payments.invoices[self.id, message_id]

    async def block(self) -> None:
        """Block the bot."""
        self._state.set_blocked(self._chat, True)

    async def unblock(self) -> None:
        """Unblock the bot (a client then usually sends /start, which `send` does)."""
        self._state.set_blocked(self._chat, False)

    def _send_file(self, field: str, data: bytes, folder: str, extension: str, **facts: object) -> int:
        return self._post({field: self._state.files.add(data, folder, extension, facts).as_json})

    def _post(self, content: Json) -> int:
        self._require_unblocked("write")
        self._from_here = self._chat.position
        return int(self._state.from_person(self._chat, content)["message_id"])

    def _require_unblocked(self, action: str) -> None:
        if self._chat.blocked:
            raise RuntimeError(f"person {self.id} has blocked the bot and must unblock it to {action}")

    def _find(self, name: str) -> Button | None:
        for button in self.buttons:
            if name in {button.text, button.data}:
                return button
        keyboard = (self._chat.keyboard or {}).get("keyboard", [])
        if any(name == (key if isinstance(key, str) else key["text"]) for row in keyboard for key in row):
            return None
        raise LookupError(f"no button {name!r} in sight; there are {[(b.text, b.data) for b in self.buttons[:20]]}")

    def _open_invoice(self) -> tuple[int, Invoice]:
        open_here = [message_id for chat_id, message_id in self._state.payments.invoices if chat_id == self.id]
        if not open_here:
            raise LookupError(f"person {self.id} sees no unpaid invoice")
        return max(open_here), self._state.payments.invoices[self.id, max(open_here)]
