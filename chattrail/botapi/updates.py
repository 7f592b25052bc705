"""Reads updates: which event each kind is, whose, and where. UPDATES is the whole list of kinds."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from chattrail.botapi import messages, people
from chattrail.botapi.memory import KnownMessage, Memory
from chattrail.botapi.messages import Arrived, where
from chattrail.botapi.money import price
from chattrail.botapi.reactions import emoji_of
from chattrail.botapi.reading import get, items, known, number, word
from chattrail.botapi.rules import Rule, table
from chattrail.context import BotAccount, Chat
from chattrail.events import (
    BotBlocked,
    BotUnblocked,
    ChatAction,
    PollAction,
    PremiumAction,
    Reaction,
    UserMessage,
)

_STATES = {"canceled": "cancelled", "active": "resumed", "failed": "expired"}


Read: TypeAlias = Callable[[Any, BotAccount, Memory], Arrived]


def read(kind: str, found: object, bot: BotAccount, memory: Memory) -> Arrived:
    """Return what an update is. Of one that is not recorded it says whose and where: what the bot does then is theirs."""
    rule = UPDATES.get(kind)
    if kind in ("channel_post", "edited_channel_post"):
        messages.posted(found, bot, memory)
    arrived = where(None, found) if rule is None or rule.read is None else rule.read(found, bot, memory)
    return arrived if arrived.person is not None else replace(arrived, event=None)


def _connection(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    action = "business_connected" if get(found, "is_enabled") else "business_disconnected"
    chat = number(get(found, "user_chat_id"))
    owner = people.named(get(found, "user"))
    return Arrived(ChatAction(action=action), owner, None if chat is None else Chat(chat))


def _pressed(query: Any, bot: BotAccount, memory: Memory) -> Arrived:
    label = _label(query)
    event = UserMessage(kind="button", text=label, length=None if label is None else len(label))
    place = people.place(_topic_of(get(query, "message")))
    arrived = where(event, query, place=place)
    person, chat = arrived.person, arrived.chat
    if place is None or place.business_connection_id is None or person is None or chat is None or person.id == chat.id:
        return arrived
    return replace(arrived, person=None)  # a business account's owner presses, who is no user of the bot


def _topic_of(message: Any) -> Any:
    return {name: get(message, name) for name in ("message_thread_id", "business_connection_id")}


def _label(query: Any) -> str | None:
    data = get(query, "data")
    keyboard = get(get(query, "message"), "reply_markup")
    for row in items(get(keyboard, "inline_keyboard")):
        for button in items(row):
            if data is not None and get(button, "callback_data") == data:
                return word(get(button, "text"))
    # python-telegram-bot lets a program have its objects as data
    return word(data) or word(get(query, "game_short_name"))


def _chosen(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    text = get(found, "query") or ""
    arrived = where(UserMessage(kind="inline", text=text, length=len(text)), found)
    inline_id = get(found, "inline_message_id")
    if inline_id:
        memory.messages.put((bot.id, "inline", inline_id), KnownMessage({"kind": "inline"}, arrived.person, None))
    return arrived


def _reaction(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    event = Reaction(side="person", emoji=emoji_of(get(found, "new_reaction")))
    return replace(where(event, found), message_id=people.message_id(found))


def _vote(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    poll_id = get(found, "poll_id")
    chosen = [one for one in items(get(found, "option_ids")) if number(one) is not None]
    poll = memory.polls.get((bot.id, poll_id))
    texts = [] if poll is None else [poll.options[one] for one in chosen if one < len(poll.options)]
    correct = None if poll is None or poll.correct is None or not chosen else poll.correct == frozenset(chosen)
    event = PollAction(
        action="voted" if chosen else "retracted",
        poll_id=poll_id,
        options=" ".join(map(str, chosen)) if chosen else None,
        text=", ".join(texts) or None,
        correct=correct,
    )
    arrived = where(event, found)
    return arrived if poll is None else replace(arrived, chat=poll.chat, message_id=poll.message_id)


def _membership(change: Any, bot: BotAccount, memory: Memory) -> Arrived:
    before, now = (
        word(get(get(change, name), "status")) == "kicked" for name in ("old_chat_member", "new_chat_member")
    )
    changed = people.is_private(get(change, "chat")) and before != now
    return where((BotBlocked() if now else BotUnblocked()) if changed else None, change)


def _join(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    return where(ChatAction(action="join_requested"), found)


def _boost(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    return where(ChatAction(action="boosted"), found, get(get(get(found, "boost"), "source"), "user"))


def _boost_removed(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    return where(ChatAction(action="boost_removed"), found, get(get(found, "source"), "user"))


def _stopped(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    return where(ChatAction(action="generation_stopped"), found, place=people.place(found))


def _media_bought(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    plan = get(found, "paid_media_payload")
    cost = price(memory.offers.get((bot.id, plan)), "XTR")
    return where(PremiumAction(action="paid", plan=plan, **cost), found)


def _subscription(found: Any, bot: BotAccount, memory: Memory) -> Arrived:
    state = word(get(found, "state")) or ""
    reason = known(reason="the payment failed") if state == "failed" else {}
    event = PremiumAction(action=_STATES.get(state, state), plan=get(found, "invoice_payload"), **reason)
    return where(event, found)


UPDATES: Mapping[str, Rule[Read]] = table(
    {
        "message": ("user_message, command, start_command or premium_action", messages.received),
        "edited_message": ("message_edited; not of a place that moves", messages.edited),
        "guest_message": ("the same as a message", messages.received),
        "business_message": ("user_message, or bot_message of what the account's owner types", messages.business),
        "edited_business_message": ("message_edited", messages.business_edited),
        "deleted_business_messages": ("message_deleted, one for each message", messages.business_deleted),
        "business_connection": ("chat_action: business_connected or business_disconnected", _connection),
        "message_reaction": ("reaction", _reaction),
        "chosen_inline_result": ("user_message of kind inline", _chosen),
        "callback_query": ("user_message of kind button", _pressed),
        "purchased_paid_media": ("premium_action: paid", _media_bought),
        "poll_answer": ("poll: voted or retracted", _vote),
        "my_chat_member": ("bot_blocked or bot_unblocked, in private chats", _membership),
        "chat_join_request": ("chat_action: join_requested", _join),
        "chat_boost": ("chat_action: boosted", _boost),
        "removed_chat_boost": ("chat_action: boost_removed", _boost_removed),
        "subscription": ("premium_action: cancelled, resumed or expired", _subscription),
        "stopped_message_generation": ("chat_action: generation_stopped", _stopped),
    },
    {
        "a channel's, no person's": ("channel_post", "edited_channel_post"),
        "it counts reactions of nobody known": ("message_reaction_count",),
        "one for each letter that is typed; what is chosen is a chosen_inline_result": ("inline_query",),
        "a question to the bot; its refusal is recorded, and the payment": ("shipping_query", "pre_checkout_query"),
        "the state of a poll; votes are poll_answer": ("poll",),
        "about the members of a group or channel": ("chat_member",),
        "about another bot, which the person made": ("managed_bot",),
    },
)
