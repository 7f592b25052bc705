"""Reads calls of the Bot API that send messages, or do something to them: which events each is, and whose."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chattrail.botapi import people
from chattrail.botapi.answers import events_of, image_of, is_new_image
from chattrail.botapi.content import Fields, fields_of
from chattrail.botapi.memory import Draft, Key, KnownMessage, KnownPoll, Memory, message_key
from chattrail.botapi.parameters import NUMBERS, number_in
from chattrail.botapi.reactions import emoji_of
from chattrail.botapi.reading import chat_number, entities, get, items, known, now, number, telegrams_time, word
from chattrail.botapi.rich_text import plain, without_markup
from chattrail.clock import monotonic
from chattrail.context import BotAccount, Chat, Details, MessagePlace, Person, UpdateContext
from chattrail.events import AiMessage, BotMessage, Event, MessageDeleted, MessageEdited, PollAction, Reaction

DRAFT_S = 60.0  # Telegram shows a draft for 30


@dataclass(slots=True)
class Call:
    """A call that Telegram has carried out. `given` are its parameters, by attribute or as a mapping."""

    name: str
    given: object
    result: object
    bot: BotAccount
    memory: Memory
    details: Details | None
    context: UpdateContext | None

    def get(self, name: str) -> Any:
        """Return a parameter; an id that is given as text as a number."""
        value = get(self.given, name)
        return number_in(value) if name in NUMBERS else value


@dataclass(slots=True)
class Sent:
    """An event that a call is, whose and where. `key` names the message; `edited` is what an edit of it says."""

    event: Event | None
    person: Person | None
    chat: Chat | None
    message_id: int | None = 0
    place: MessagePlace | None = None
    at: datetime | None = None
    key: Key | None = None
    edited: Fields | None = None


def sent(call: Call) -> Iterator[Sent]:
    """Read a call that returns the message that it sent, or several."""
    if call.result is None and call.name == "forwardMessage":  # what is forwarded is not among the parameters
        yield from copied(call)
        return
    for message in items(call.result) or (call.result,):
        fields = fields_of(message)
        if fields is not None:
            yield from _said(call, message, fields)


def _said(call: Call, message: Any, fields: Fields) -> Iterator[Sent]:
    where = at_message(call, message)
    if fields["kind"] == "poll":
        _remember_poll(call, get(message, "poll"), where)
    draft = _draft_before(call, where)
    events = list(events_of(fields, call.details or (draft.details if draft else None)))
    if draft is not None:
        events = [_streamed(event, draft) for event in events]
    remember(call, where, fields, ai=any(isinstance(event, AiMessage) for event in events))
    for event in events[:-1]:
        yield replace(where, event=event)
    where.event = events[-1]
    yield where


def at_message(call: Call, message: Any) -> Sent:
    """Return whose and where a message is that Telegram returned."""
    where = get(message, "chat")
    chat = people.chat_of(where)
    whose = people.other_side(where) if chat is not None and chat.type == "private" else None
    number_, place = people.message_id(message), people.place(message)
    receiver, ephemeral = get(message, "receiver_user"), get(message, "ephemeral_message_id")
    if receiver is not None:
        whose = people.named(receiver)
        number_ = number_ or 0
        key = _ephemeral_key(call, chat, whose, ephemeral)
    else:
        key = message_key(call.bot.id, chat, number_, place)
        known_before = call.memory.messages.get(key)  # of a group: whom it was for
        whose = known_before.person if whose is None and known_before is not None else whose
    return Sent(None, whose, chat, number_, place, telegrams_time(message) or now(), key)


def _ephemeral_key(call: Call, chat: Chat | None, whose: Person | None, ephemeral: Any) -> Key | None:
    return None if chat is None or whose is None else (call.bot.id, chat.id, "ephemeral", whose.id, ephemeral)


def remember(call: Call, where: Sent, fields: Fields, *, ai: bool = False) -> None:
    """Keep what a message says for a while."""
    if where.key is not None:
        whose = where.person
        if whose is None and call.context is not None and call.context.chat == where.chat:
            whose = call.context.user
        call.memory.messages.put(where.key, KnownMessage(fields, whose, where.chat, ai))


def _remember_poll(call: Call, poll: Any, where: Sent) -> None:
    options = [word(get(option, "text")) or "" for option in items(get(poll, "options"))]
    correct: set[int] | None = None
    if word(get(poll, "type")) == "quiz":
        given = items(get(poll, "correct_option_ids")) or items(call.get("correct_option_ids"))
        one = (
            get(poll, "correct_option_id")
            if get(poll, "correct_option_id") is not None
            else call.get("correct_option_id")
        )
        correct = {index for index in (*given, one) if number(index) is not None} or None
    kept = KnownPoll(options, None if correct is None else frozenset(correct), where.chat, where.message_id)
    call.memory.polls.put((call.bot.id, get(poll, "id")), kept)


def _draft_key(call: Call, chat_id: Any, thread: Any) -> Key:
    return (call.bot.id, chat_id, thread)


def _draft_before(call: Call, where: Sent) -> Draft | None:
    if where.chat is None or not len(call.memory.drafts):
        return None
    thread = None if where.place is None else where.place.thread_id
    draft = call.memory.drafts.pop(_draft_key(call, where.chat.id, thread))
    return draft if draft is not None and monotonic() - draft.last < DRAFT_S else None


def _streamed(event: Event, draft: Draft) -> Event:
    if isinstance(event, AiMessage | BotMessage) and event.text is not None:
        return replace(event, edits=draft.count, edit_span_ms=round((draft.last - draft.first) * 1000, 1))
    return event


def drafted(call: Call) -> Iterator[Sent]:
    """Read a draft: it counts as an edit of the message that is sent at last."""
    key, at = _draft_key(call, call.get("chat_id"), call.get("message_thread_id")), monotonic()
    draft = call.memory.drafts.get(key)
    if draft is None or at - draft.last >= DRAFT_S:
        call.memory.drafts.put(key, Draft(at, at, call.details))
    else:
        draft.last, draft.count = at, draft.count + 1
    yield from ()


def at_given(call: Call, message: Any = None) -> Sent:
    """Return whose and where a message is of which a call names chat and number, or what Telegram calls it inline."""
    inline, chat_id = call.get("inline_message_id"), chat_number(call.get("chat_id"))
    message = number(message)
    account = call.get("business_connection_id")
    place = MessagePlace(business_connection_id=account) if account else None
    key: Key | None = None
    chat = None
    if inline:
        key = (call.bot.id, "inline", inline)
    elif chat_id is not None:
        chat = Chat(chat_id, "private" if chat_id > 0 else None)
        receiver = number(call.get("receiver_user_id"))
        if receiver is not None:
            key = _ephemeral_key(call, chat, Person(receiver), call.get("ephemeral_message_id"))
            return Sent(None, Person(receiver), chat, at=now(), key=key)
        key = message_key(call.bot.id, chat, message, place)
    found = call.memory.messages.get(key)
    whose = None if chat is None or chat.type is None else Person(chat.id)
    context = call.context
    if found is not None:
        chat, whose = found.chat, found.person
    elif context is not None and context.chat is not None and chat is not None and chat.id == context.chat.id:
        chat = context.chat
    elif inline and context is not None:
        whose = context.user
    return Sent(None, whose, chat, message or 0, place, now(), key)


def edited(call: Call) -> Iterator[Sent]:
    """Read an edit. Of an inline or ephemeral message Telegram returns nothing: then it says what the bot has given."""
    if get(call.result, "chat") is not None:
        fields, where = fields_of(call.result), at_message(call, call.result)
    else:
        fields, where = _given_fields(call), at_given(call, call.get("message_id"))
    if fields is None:
        return
    if get(call.given, "media") is not None and is_new_image(fields, call.details):
        yield replace(where, event=image_of(fields, call.details))
        fields = {"kind": "text", **{name: fields[name] for name in ("text", "length", "entities") if name in fields}}
        if "text" not in fields:
            return
    where.event, where.edited = MessageEdited(), fields
    yield where


def _given_fields(call: Call) -> Fields:
    """Return what an edit says by its parameters."""
    media = call.get("media")
    rich = plain(call.get("rich_message"))
    source = call.given if media is None else media
    text = get(source, "text") or get(source, "caption")
    text = rich or without_markup(text, get(source, "parse_mode"), call.bot.parse_mode)
    formatting = entities(get(source, "entities") or get(source, "caption_entities"))
    kind = word(get(media, "type")) or ("rich_message" if rich else "text" if call.get("text") else None)
    length = len(text) if isinstance(text, str) else None
    return {"kind": kind, **known(text=text, length=length, entities=formatting)}


def copied(call: Call) -> Iterator[Sent]:
    """Read copies, and several forwards: Telegram returns their numbers only, so what they say is what is remembered."""
    results = items(call.result) or (call.result,)
    sources = items(call.get("message_ids")) or (call.get("message_id"),)
    paired = len(list(results)) == len(list(sources))  # what can't be copied is left out
    for index, result in enumerate(results):
        source = list(sources)[index] if paired else None
        found = call.memory.messages.get((call.bot.id, chat_number(call.get("from_chat_id")), source))
        fields = dict(found.fields) if found is not None else {"kind": "forward" if "orward" in call.name else "copy"}
        caption = call.get("caption")
        if caption is not None or call.get("remove_caption"):
            fields = {name: value for name, value in fields.items() if name not in ("text", "length", "entities")}
        if caption:
            formatting = entities(call.get("caption_entities"))
            caption = without_markup(caption, call.get("parse_mode"), call.bot.parse_mode)
            fields |= known(text=caption, length=len(caption), entities=formatting)
        where = at_given(call, get(result, "message_id"))
        where = replace(where, place=people.place(people.given_place(call.given)) or where.place)
        remember(call, where, fields)
        yield replace(where, event=BotMessage(**fields))


def deleted(call: Call) -> Iterator[Sent]:
    """Read deletions."""
    for message in items(call.get("message_ids")) or (call.get("message_id"),):
        where = at_given(call, message)
        if call.name == "deleteBusinessMessages" and call.context is not None:  # which does not name the chat
            where = replace(where, chat=call.context.chat, person=call.context.user)
        yield replace(where, event=MessageDeleted())


def reacted(call: Call) -> Iterator[Sent]:
    """Read the bot's reaction."""
    event = Reaction(side="bot", emoji=emoji_of(call.get("reaction")))
    yield replace(at_given(call, call.get("message_id")), event=event)


def poll_closed(call: Call) -> Iterator[Sent]:
    """Read the end of a poll."""
    event = PollAction(action="closed", poll_id=get(call.result, "id"))
    yield replace(at_given(call, call.get("message_id")), event=event)
