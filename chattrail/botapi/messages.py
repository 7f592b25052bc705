"""Reads messages that come in, of all kinds of chats: which events they are, whose, and where."""

import re
from dataclasses import dataclass, replace
from typing import Any

from chattrail.botapi import people
from chattrail.botapi.content import fields_of
from chattrail.botapi.memory import KnownMessage, Memory, message_key
from chattrail.botapi.money import price
from chattrail.botapi.reading import get, items, number
from chattrail.context import BotAccount, Chat, MessagePlace, Person
from chattrail.events import (
    BotMessage,
    Command,
    Event,
    MessageDeleted,
    MessageEdited,
    PremiumAction,
    StartCommand,
    UserMessage,
    attributes_of,
)

_COMMAND = re.compile(r"/([a-z0-9_]{1,64})(?:@(\w+))?(?:\s+(.*))?\Z", re.IGNORECASE | re.DOTALL)
_EDITED = frozenset(attributes_of(MessageEdited))


@dataclass(slots=True)
class Arrived:
    """What an update is, whose and where. `besides` are other events that it is, before `event`, with their messages' numbers."""

    event: Event | None
    person: Person | None
    chat: Chat | None
    message_id: int | None = None
    place: MessagePlace | None = None
    besides: tuple[tuple[Event, int | None], ...] = ()


def where(
    event: Event | None, found: Any, user: Any = None, message: Any = None, place: MessagePlace | None = None
) -> Arrived:
    """Return an event with whose and where it is, by the fields that most kinds of updates have."""
    message = get(found, "message") if message is None else message
    chat = get(found, "chat") or get(message, "chat")
    user = user or get(found, "from_user") or get(found, "user")
    return Arrived(event, people.person(user, chat), people.chat_of(chat), people.message_id(message), place)


def received(message: Any, bot: BotAccount, memory: Memory) -> Arrived:
    """Read a message. What no person sends is remembered all the same: the bot may copy it to one."""
    event, fields = _payment(message), fields_of(message)
    if event is None and fields is not None and people.is_person(get(message, "from_user")):
        event = _said(fields, bot.username)
    arrived = _at_message(event, message, bot, memory, fields)
    if isinstance(event, PremiumAction):
        arrived = _paid_by(arrived, (bot.id, event.charge_id), memory)
    if fields is not None and fields["kind"] != "text" and isinstance(event, StartCommand | Command):
        file = {name: value for name, value in fields.items() if name not in ("text", "length", "entities")}
        return replace(arrived, besides=((UserMessage(**file), None),))  # the photo over the command is sent, too
    return arrived


def _at_message(event: Event | None, message: Any, bot: BotAccount, memory: Memory, fields: Any = None) -> Arrived:
    arrived = where(event, message, message=message, place=people.place(message))
    return _remembered(arrived, message, bot, memory, fields)


def _remembered(arrived: Arrived, message: Any, bot: BotAccount, memory: Memory, fields: Any) -> Arrived:
    key = message_key(bot.id, arrived.chat, arrived.message_id, arrived.place)
    if fields is not None and key is not None and not get(message, "guest_query_id"):  # whose chat is not the bot's
        memory.messages.put(key, KnownMessage(fields, arrived.person, arrived.chat))
    return arrived


def _said(fields: dict[str, Any], bot_username: str | None) -> Event:
    text = fields.get("text") if fields["kind"] == "text" or "image_id" in fields or "file_id" in fields else None
    command = _COMMAND.match(text) if text else None
    if command is None or not _is_for(bot_username, command[2]):
        return UserMessage(**fields)
    name, rest = command[1].lower(), (command[3] or "").strip() or None
    return StartCommand(payload=rest) if name == "start" else Command(name=name, arguments=rest)


def _is_for(bot_username: str | None, mentioned: str | None) -> bool:
    """Tell whether a command is this bot's; as long as its own name is not known, every command is."""
    return mentioned is None or bot_username is None or mentioned.lower() == bot_username.lower()


def _payment(message: Any) -> Event | None:
    for action, name in (("paid", "successful_payment"), ("refunded", "refunded_payment")):
        paid = get(message, name)
        if paid:
            first = get(paid, "is_first_recurring")
            return PremiumAction(
                action=action,
                plan=get(paid, "invoice_payload"),
                charge_id=get(paid, "telegram_payment_charge_id"),
                subscription="first" if first else "renewal" if get(paid, "is_recurring") else None,
                until=_seconds(get(paid, "subscription_expiration_date")),
                **price(get(paid, "total_amount"), get(paid, "currency")),
            )
    return None


def _paid_by(arrived: Arrived, charge: tuple[int, str | None], memory: Memory) -> Arrived:
    """Return whose a payment or refund is: in a group Telegram's note of a refund does not say who had paid."""
    if arrived.person is not None:
        memory.payers.put(charge, arrived.person)
        return arrived
    return replace(arrived, person=memory.payers.get(charge))


def _seconds(found: Any) -> int | None:
    stamp = getattr(found, "timestamp", None)
    return int(stamp()) if stamp else number(found)


def posted(message: Any, bot: BotAccount, memory: Memory) -> None:
    """Remember a channel's post."""
    _at_message(None, message, bot, memory, fields_of(message))


def edited(message: Any, bot: BotAccount, memory: Memory) -> Arrived:
    """Read an edit by a person."""
    fields = fields_of(message)
    if fields is None or fields["kind"] in ("location", "venue") or not people.is_person(get(message, "from_user")):
        return _at_message(None, message, bot, memory)  # a live location moves by edits
    return _at_message(_edit(fields, "person"), message, bot, memory, fields)


def _edit(fields: dict[str, Any], side: str) -> MessageEdited:
    return MessageEdited(side=side, edits=1, **{name: value for name, value in fields.items() if name in _EDITED})


def business(message: Any, bot: BotAccount, memory: Memory) -> Arrived:
    """Read a message of a chat between a person and the account that the bot works for: there are no commands in it."""
    fields = fields_of(message)
    return _in_business(None if fields is None else _by(message, fields, edited=False), message, bot, memory, fields)


def business_edited(message: Any, bot: BotAccount, memory: Memory) -> Arrived:
    """Read an edit in such a chat."""
    fields = fields_of(message)
    return _in_business(None if fields is None else _by(message, fields, edited=True), message, bot, memory, fields)


def _by(message: Any, fields: dict[str, Any], *, edited: bool) -> Event | None:
    persons = get(get(message, "from_user"), "id") == get(get(message, "chat"), "id")
    if not persons and get(message, "sender_business_bot"):
        return None  # the bot's own, recorded when it was sent
    if edited:
        return _edit(fields, "person" if persons else "bot")
    return UserMessage(**fields) if persons else BotMessage(**fields)


def _in_business(event: Event | None, message: Any, bot: BotAccount, memory: Memory, fields: Any) -> Arrived:
    arrived = _at_message(event, message, bot, memory)
    chat = get(message, "chat")
    if get(get(message, "from_user"), "id") != get(chat, "id"):
        arrived = replace(arrived, person=people.other_side(chat) if people.is_private(chat) else None)
    return _remembered(arrived, message, bot, memory, fields)


def business_deleted(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    """Read which messages of such a chat are gone."""
    chat = get(found, "chat")
    gone = tuple((MessageDeleted(), one) for one in items(get(found, "message_ids")) if number(one) is not None)
    place = MessagePlace(business_connection_id=get(found, "business_connection_id"))
    whose = people.other_side(chat) if people.is_private(chat) else None
    return Arrived(None, whose, people.chat_of(chat), place=place, besides=gone)
