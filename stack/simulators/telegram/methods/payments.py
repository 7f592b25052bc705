"""Invoices, the answer before payment, refunds, and the bot's list of Star transactions."""

import secrets
from typing import Any

from stack.simulators.telegram.markup import inline_buttons
from stack.simulators.telegram.methods.messages import read_extras
from stack.simulators.telegram.payments import read_invoice
from stack.simulators.telegram.wire import Json, Params, bad_request
from stack.simulators.telegram.world import World


async def send_invoice(world: World, params: Params) -> Json:
    """`sendInvoice`."""
    chat = world.writable_chat(params)
    invoice = read_invoice(params)
    extras = read_extras(world, params, chat.id)
    buttons = list(inline_buttons(extras.get("reply_markup")))
    if buttons and not buttons[0].get("pay"):
        raise bad_request("the first button in the inline keyboard of an invoice must be a Pay button")
    if not buttons:
        pay: Json = {"text": f"Pay ⭐️{invoice.amount}", "pay": True}
        extras["reply_markup"] = {"inline_keyboard": [[pay]]}
    message = world.from_bot(chat, {"invoice": invoice.as_json, **extras})
    world.payments.invoices[chat.id, message["message_id"]] = invoice
    return message


async def create_invoice_link(world: World, params: Params) -> str:
    """`createInvoiceLink`."""
    link = f"https://t.me/${secrets.token_urlsafe(12)}"
    world.payments.links[link] = read_invoice(params)
    return link


async def answer_pre_checkout_query(world: World, params: Params) -> bool:
    """`answerPreCheckoutQuery`."""
    world.payments.answer(params)
    return True


async def refund_star_payment(world: World, params: Params) -> bool:
    """`refundStarPayment`: the chat shows it, and the bot gets a message with `refunded_payment`."""
    charge = world.payments.refund(params)
    refunded: Json = {
        "currency": charge.invoice.currency,
        "total_amount": charge.invoice.amount,
        "invoice_payload": charge.invoice.payload,
        "telegram_payment_charge_id": charge.charge_id,
    }
    world.from_person(world.chats[charge.user_id], {"refunded_payment": refunded})
    return True


async def get_star_transactions(world: World, params: Params) -> Json:
    """`getStarTransactions`: payments and refunds, oldest first."""
    rows: list[Json] = []
    for charge in world.payments.charges.values():
        user = world.chats[charge.user_id].user
        partner: Json = {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": user,
            "invoice_payload": charge.invoice.payload,
        }
        rows.append({"id": charge.charge_id, "amount": charge.invoice.amount, "date": charge.date, "source": partner})
        if charge.refunded_at is not None:
            rows.append(
                {
                    "id": charge.charge_id,
                    "amount": charge.invoice.amount,
                    "date": charge.refunded_at,
                    "receiver": partner,
                }
            )
    offset, limit = params.integer("offset") or 0, params.integer("limit") or 100
    return {"transactions": sorted(rows, key=lambda row: row["date"])[offset : offset + limit]}


METHODS: dict[str, Any] = {
    "sendInvoice": send_invoice,
    "createInvoiceLink": create_invoice_link,
    "answerPreCheckoutQuery": answer_pre_checkout_query,
    "refundStarPayment": refund_star_payment,
    "getStarTransactions": get_star_transactions,
}
