"""Invoices, the answer before payment, refunds, and the bot's list of Star transactions."""

import secrets

from stack.simulators.telegram.markup import inline_buttons
from stack.simulators.telegram.methods.messages import read_extras
from stack.simulators.telegram.payments import STARS, read_invoice
from stack.simulators.telegram.state import State, method
from stack.simulators.telegram.wire import Json, Params, bad_request


@method
async def send_invoice(state: State, params: Params) -> Json:
    chat = state.writable_chat(params)
    invoice = read_invoice(params, link=False)
    extras = read_extras(params, chat)
    buttons = list(inline_buttons(extras.get("reply_markup")))
    if buttons and not buttons[0].get("pay"):
        raise bad_request("the first button in the inline keyboard of an invoice must be a Pay button")
    if not buttons:
        price = f"⭐️{invoice.amount}" if invoice.currency == STARS else f"{invoice.amount} {invoice.currency}"
        extras["reply_markup"] = {"inline_keyboard": [[{"text": f"Pay {price}", "pay": True}]]}
    message = state.from_bot(chat, {"invoice": invoice.as_json, **extras})
    state.payments.invoices[chat.id, message["message_id"]] = invoice
    return message


@method
async def create_invoice_link(state: State, params: Params) -> str:
    link = f"https://t.me/${secrets.token_urlsafe(12)}"
    state.payments.links[link] = read_invoice(params, link=True)
    return link


@method
async def answer_pre_checkout_query(state: State, params: Params) -> bool:
    state.payments.answer(params)
    return True


@method
async def refund_star_payment(state: State, params: Params) -> bool:
    """Give Stars back; other currencies are given back at their provider.

    The chat shows it, and the bot gets a message with `refunded_payment`, which is from itself.
    """
    charge = state.payments.refund(params)
    state.service_message(state.chats[charge.user_id], {"refunded_payment": charge.as_json})
    return True


@method
async def edit_user_star_subscription(state: State, params: Params) -> bool:
    """Cancel a person's subscription, or let them have it again: they keep what they paid for until it ends."""
    subscription = state.payments.subscription(params.integer("user_id"), params.text("telegram_payment_charge_id"))
    subscription.canceled = params.flag("is_canceled")
    return True


@method
async def get_star_transactions(state: State, params: Params) -> Json:
    """Return payments and refunds, oldest first."""
    rows: list[Json] = []
    for charge in state.payments.charges.values():
        if charge.invoice.currency != STARS:
            continue
        partner: Json = {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": state.chats[charge.user_id].user,
        }
        partner["invoice_payload"] = charge.invoice.payload
        row = {"id": charge.charge_id, "amount": charge.invoice.amount}
        rows.append({**row, "date": charge.date, "source": partner})
        if charge.refunded_at is not None:
            rows.append({**row, "date": charge.refunded_at, "receiver": partner})
    offset, limit = params.integer("offset") or 0, params.integer("limit") or 100
    return {"transactions": sorted(rows, key=lambda row: row["date"])[offset : offset + limit]}
