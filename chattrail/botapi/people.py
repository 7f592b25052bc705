"""Who and where: the person of an update or a chat, the chat, and a message's place in it."""

from typing import Any

from chattrail.botapi.reading import chat_number, get, number, word
from chattrail.context import Chat, MessagePlace, Person

# https://core.telegram.org/bots/api#message: `from` of what a linked channel, an anonymous admin or a channel posts in a group.
_SERVICE_ACCOUNTS = frozenset({777000, 1087968824, 136817688})


def is_person(user: object) -> bool:
    """Tell whether a user is neither a bot nor a service account."""
    user_id = number(get(user, "id"))
    return user_id is not None and not get(user, "is_bot") and user_id not in _SERVICE_ACCOUNTS


def named(user: object) -> Person | None:
    """Return a user as a person, unless it is a bot or a service account."""
    if not is_person(user):
        return None
    language = get(user, "language_code")
    return Person(get(user, "id"), get(user, "username"), _full_name(user), language, bool(get(user, "is_premium")))


def person(user: object, chat: object) -> Person | None:
    """Return whose an update is: its sender's, when that is a person.

    In a private chat what the bot itself posts, such as a refund, is the other side's. Service accounts and bots are nobody.
    """
    found = named(user)
    if found is not None or not is_private(chat) or get(user, "id") == get(chat, "id"):
        return found
    return other_side(chat)


def other_side(chat: object) -> Person:
    """Return what a private chat says about its person."""
    return Person(get(chat, "id"), get(chat, "username"), _full_name(chat))


def is_private(chat: object) -> bool:
    """Tell whether a chat is that of one person with the bot, or with the business account that the bot works for."""
    return word(get(chat, "type")) == "private"


def chat_of(chat: object) -> Chat | None:
    """Return what events say about a chat."""
    chat_id = number(get(chat, "id"))
    return None if chat_id is None else Chat(chat_id, word(get(chat, "type")))


def message_id(message: object) -> int | None:
    """Return a message's id; 0 for an ephemeral one, which has none."""
    return number(get(message, "message_id"))


def place(message: object) -> MessagePlace | None:
    """Return what a message replies to, its topic, album and business account; None where it has none of them."""
    thread = number(get(message, "message_thread_id"))
    replied = get(message, "reply_to_message")
    reply_to = message_id(replied)
    if reply_to is not None and (reply_to == thread or get(replied, "forum_topic_created")):
        reply_to = None  # in a topic each message that replies to none has the topic's first one here
    album = get(message, "media_group_id")
    business = get(message, "business_connection_id")
    if reply_to is thread is album is business is None:
        return None
    return MessagePlace(reply_to, thread, None if album is None else str(album), business)


def given_place(given: object) -> dict[str, Any]:
    """Return the fields of a message's place that a call's parameters say, as they stand in a message."""
    reply = get(given, "reply_parameters")
    elsewhere = get(reply, "chat_id") is not None and chat_number(get(reply, "chat_id")) != chat_number(
        get(given, "chat_id")
    )
    reply_to = None if elsewhere else get(reply, "message_id") or get(given, "reply_to_message_id")
    replied = {} if reply_to is None else {"reply_to_message": {"message_id": reply_to}}
    return {"message_thread_id": get(given, "message_thread_id"), **replied}


def _full_name(named: object) -> str | None:
    first, last = get(named, "first_name"), get(named, "last_name")
    return f"{first} {last}" if first and last else first or last or None
