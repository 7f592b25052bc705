"""Reads calls about money, answers to what waits for one, and gifts: which events each is, and whose."""

from collections.abc import Iterator
from dataclasses import replace

from chattrail.botapi.calls import Call, Sent, at_given, at_message, sent
from chattrail.botapi.memory import KnownMessage
from chattrail.botapi.money import price
from chattrail.botapi.reading import compact, entities, get, items, known, now, number, word
from chattrail.botapi.rich_text import plain, without_markup
from chattrail.context import Person
from chattrail.events import BotMessage, PremiumAction


def invoiced(call: Call) -> Iterator[Sent]:
    """Read an invoice."""
    where = at_given(call) if get(call.result, "chat") is None else at_message(call, call.result)
    yield replace(where, event=_invoice(call))


def linked(call: Call) -> Iterator[Sent]:
    """Read a link to an invoice: the bot makes it for the person whose update it handles."""
    if call.context is not None:
        yield Sent(_invoice(call), call.context.user, call.context.chat, at=now())


def _invoice(call: Call) -> PremiumAction:
    parts = [number(get(part, "amount")) or 0 for part in items(call.get("prices"))]
    total = sum(parts) if parts else get(get(call.result, "invoice"), "total_amount")
    return PremiumAction(action="invoice_sent", plan=call.get("payload"), **price(total, call.get("currency")))


def paid_media_sent(call: Call) -> Iterator[Sent]:
    """Read paid media: a message, and an offer."""
    plan, stars = call.get("payload"), number(call.get("star_count"))
    if plan and stars is not None:
        call.memory.offers.put((call.bot.id, plan), stars)
    where = at_message(call, call.result)
    yield from sent(call)
    yield replace(where, event=PremiumAction(action="offered", plan=plan, **price(stars, "XTR")))


def refused(call: Call) -> Iterator[Sent]:
    """Read the answer to a payment that is about to be made: only its refusal is an event."""
    query = call.memory.queries.get((call.bot.id, "payment", call.get("pre_checkout_query_id")))
    if call.get("ok") or query is None:
        return
    event = PremiumAction(action="refused", reason=call.get("error_message"), **query.price)
    yield Sent(event, query.target.user, query.target.chat, at=now())


def press_answered(call: Call) -> Iterator[Sent]:
    """Read the answer to a press: with a text it is shown as an alert, or for a moment at the top."""
    query = call.memory.queries.get((call.bot.id, "press", call.get("callback_query_id")))
    text = call.get("text")
    if text and query is not None:
        event = BotMessage(kind="alert" if call.get("show_alert") else "notice", text=text, length=len(text))
        yield Sent(event, query.target.user, query.target.chat, at=now(), place=query.target.place)


def guest_answered(call: Call) -> Iterator[Sent]:
    """Read the answer to a guest's message: a result as for inline queries, which is sent at once."""
    query = call.memory.queries.get((call.bot.id, "guest", call.get("guest_query_id")))
    result = call.get("result")
    content = get(result, "input_message_content")
    source = result if content is None else content
    text = get(content, "message_text") or get(result, "caption")
    text = without_markup(text, get(source, "parse_mode"), call.bot.parse_mode)
    text = plain(get(content, "rich_message")) or text or get(result, "title")
    if query is None:
        return
    kind = "text" if content is not None else word(get(result, "type"))
    fields = {"kind": kind, **known(text=text, length=None if text is None else len(text))}
    inline = get(call.result, "inline_message_id")
    if inline:
        kept = KnownMessage(fields, query.target.user, query.target.chat)
        call.memory.messages.put((call.bot.id, "inline", inline), kept)
    yield Sent(BotMessage(**fields), query.target.user, query.target.chat, at=now())


def gift_sent(call: Call) -> Iterator[Sent]:
    """Read a gift, or Premium as one."""
    data = known(id=call.get("gift_id"), months=call.get("month_count"), star_count=call.get("star_count"))
    text, user = call.get("text"), number(call.get("user_id"))
    text = without_markup(text, call.get("text_parse_mode"), call.bot.parse_mode)
    length = None if text is None else len(text)
    formatting = entities(call.get("text_entities"))
    event = BotMessage(kind="gift", text=text, length=length, entities=formatting, data=compact(data))
    where = at_given(call)
    yield replace(where, event=event, key=None) if user is None else Sent(event, Person(user), None, at=now())


def subscription_edited(call: Call) -> Iterator[Sent]:
    """Read that the bot cancels or resumes a person's subscription."""
    action = "cancelled" if call.get("is_canceled") else "resumed"
    event = PremiumAction(action=action, charge_id=call.get("telegram_payment_charge_id"))
    user = number(call.get("user_id"))
    if user is not None:
        yield Sent(event, Person(user), None, at=now())
