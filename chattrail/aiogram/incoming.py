"""Reads an update: who sent it, when, and which event it is."""

import re
from datetime import UTC, datetime
from typing import Any

from aiogram.enums import ContentType
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message, TelegramObject, Update, User
from aiogram.types import Chat as TelegramChat
from aiogram.types.update import UpdateTypeLookupError

from chattrail.aiogram.money import amount
from chattrail.context import Chat, Person
from chattrail.events import BotBlocked, BotUnblocked, Command, Event, PremiumAction, StartCommand, UserMessage

_COMMAND = re.compile(r"/([a-z0-9_]{1,64})(?:@(\w+))?(?:\s+(.*))?\Z", re.IGNORECASE | re.DOTALL)
# https://core.telegram.org/bots/api#message: `from` of what a linked channel, an anonymous admin or a channel posts in a group.
_SERVICE_ACCOUNTS = frozenset({777000, 1087968824, 136817688})
# Contents that a person sends; every other one (a pinned message, a new title) is Telegram's own note of what happened.
_SENT = frozenset((
    "text", "photo", "live_photo", "paid_media", "video", "video_note", "animation", "audio", "voice", "document", "sticker",
    "story", "checklist", "contact", "dice", "game", "poll", "venue", "location", "web_app_data", "rich_message",
))  # fmt: skip


def kind_of(update: Update) -> str | None:
    """Return which field of the update is set; None for a kind that is newer than this aiogram."""
    try:
        return update.event_type
    except UpdateTypeLookupError:
        return None


def read(update: Update, bot_username: str | None) -> Event | None:
    """Return the event of an update; None for updates that are no act of a person towards the bot."""
    if update.message is not None:
        return _message(update.message, bot_username)
    if update.callback_query is not None:
        query = update.callback_query
        label = _label(query)
        return UserMessage(kind="button", text=label, length=_length(label))
    if update.my_chat_member is not None:
        return _membership(update.my_chat_member)
    if update.chosen_inline_result is not None:
        text = update.chosen_inline_result.query
        return UserMessage(kind="inline", text=text, length=len(text))
    return None


def telegrams_time(event: object) -> datetime | None:
    """Return when an update or message was, by Telegram's clock, which counts whole seconds; None where it does not say.

    An update that is delivered again has the same time, and a message and its answer are timed by one clock.
    """
    for name in ("edit_date", "date"):
        found = getattr(event, name, None)
        if isinstance(found, datetime):
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        if isinstance(found, int):
            return datetime.fromtimestamp(found, UTC)
    return None


def now() -> datetime:
    """Return the time in whole seconds, so that what happens in one second keeps its order by number."""
    return datetime.now(UTC).replace(microsecond=0)


def person(user: User | None, telegram: TelegramChat | None) -> Person | None:
    """Return whose an update is: its sender's, when that is a person.

    In a private chat what the bot itself posts, such as a refund, is the other side's. Service accounts and bots are nobody.
    """
    if user is not None and not user.is_bot and user.id not in _SERVICE_ACCOUNTS:
        return Person(user.id, user.username, user.full_name, user.language_code, bool(user.is_premium))
    if telegram is None or telegram.type != "private" or (user is not None and user.id == telegram.id):
        return None
    return other_side(telegram)


def other_side(telegram: TelegramChat) -> Person:
    """Return what a private chat says about its person."""
    return Person(telegram.id, telegram.username, telegram.full_name)


def chat(telegram: TelegramChat) -> Chat:
    """Return what events say about a Telegram chat."""
    return Chat(telegram.id, str(telegram.type))


def message_id(event: TelegramObject) -> int | None:
    """Return the id of the message that an update is, or is about."""
    message = event if isinstance(event, Message) else getattr(event, "message", None)
    found = getattr(message, "message_id", None)
    return found if isinstance(found, int) else None


def _message(message: Message, bot_username: str | None) -> Event | None:
    for action, field in (("paid", "successful_payment"), ("refunded", "refunded_payment")):
        payment = getattr(message, field, None)
        if payment is not None:
            # A field that this aiogram does not know (refunded_payment before 3.10) is a plain mapping.
            paid: dict[str, Any] = dict(payment)
            return PremiumAction(
                action=action,
                plan=paid["invoice_payload"],
                amount=amount(paid["total_amount"], paid["currency"]),
                currency=paid["currency"],
                charge_id=paid["telegram_payment_charge_id"],
            )
    if message.from_user is None or message.from_user.is_bot:
        return None
    unknown = message.model_extra or {}  # contents that are newer than this aiogram
    kind = next((name for name in unknown if name in _SENT), ContentType(message.content_type).value)
    if kind not in _SENT:
        return None
    text = message.text or message.caption
    command = _COMMAND.match(text) if text else None
    if command is not None and _is_for(bot_username, command[2]):
        name, rest = command[1].lower(), (command[3] or "").strip() or None
        return StartCommand(payload=rest) if name == "start" else Command(name=name, arguments=rest)
    if text is None and message.sticker is not None:
        text = message.sticker.emoji
    return UserMessage(kind=kind, text=text, length=_length(text))


def _is_for(bot_username: str | None, mentioned: str | None) -> bool:
    """Tell whether a command is this bot's; as long as its own name is not known, every command is."""
    return mentioned is None or bot_username is None or mentioned.lower() == bot_username.lower()


def _membership(change: ChatMemberUpdated) -> Event | None:
    if change.chat.type != "private":
        return None
    blocked_before, blocked_now = (
        member.status == "kicked" for member in (change.old_chat_member, change.new_chat_member)
    )
    if blocked_before == blocked_now:
        return None
    return BotBlocked() if blocked_now else BotUnblocked()


def _label(query: CallbackQuery) -> str | None:
    keyboard = getattr(query.message, "reply_markup", None)
    for row in getattr(keyboard, "inline_keyboard", None) or ():
        for button in row:
            if button.callback_data is not None and button.callback_data == query.data:
                return str(button.text)
    return query.data or query.game_short_name


def _length(text: str | None) -> int | None:
    return None if text is None else len(text)
