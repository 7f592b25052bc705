"""A message as Telegram would return it, made of the parameters of a call whose result is never seen."""

import re
from functools import cache
from typing import Any

from chattrail.botapi.people import given_place
from chattrail.botapi.reading import chat_number, get, items, word
from chattrail.botapi.rich_text import without_markup
from chattrail.context import BotAccount, UpdateContext

_BY_PARAMETERS = frozenset({"location", "contact", "dice"})  # what they hold are parameters of the call
_TEXTS = ("text", "entities", "caption", "caption_entities", "rich_message", "checklist")


def message_of(
    method: str, given: object, bot: BotAccount, context: UpdateContext | None
) -> dict[str, Any] | list[dict[str, Any]] | None:
    """Return the message, with its Markdown and without a number, or those of an album.

    None for a call that sends none to a chat known by number.
    """
    chat_id = chat_number(get(given, "chat_id"))
    if chat_id is None or not method.startswith("send"):
        return None
    kind = _kind_of(method)
    message: dict[str, Any] = {"message_id": 0, "chat": _chat(chat_id, context), **given_place(given)}
    if kind == "media_group":
        album = items(get(given, "media"))
        return [message | _texts(one, bot) | _file(word(get(one, "type")), get(one, "media")) for one in album]
    message |= _texts(given, bot)
    content = get(given, kind)
    if kind in _BY_PARAMETERS:
        message[kind] = given
    elif kind in _MADE_OF:
        message[kind] = _MADE_OF[kind](given)
    elif content is not None and kind not in message:
        message |= _file(kind, content)
    return message


@cache
def _kind_of(method: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.removeprefix("send")).lower()


def _poll(given: object) -> dict[str, Any]:
    options = [{"text": get(option, "text") or word(option)} for option in items(get(given, "options"))]
    return {"question": get(given, "question"), "type": get(given, "type"), "options": options}


def _venue(given: object) -> dict[str, Any]:
    return {"title": get(given, "title"), "address": get(given, "address"), "location": given}


def _game(given: object) -> dict[str, Any]:
    return {"title": get(given, "game_short_name")}


def _paid_media(given: object) -> dict[str, Any]:
    media = [{"type": get(one, "type")} for one in items(get(given, "media"))]
    return {"star_count": get(given, "star_count"), "paid_media": media}


_MADE_OF = {"poll": _poll, "venue": _venue, "game": _game, "paid_media": _paid_media}


def _texts(given: object, bot: BotAccount) -> dict[str, Any]:
    mode = get(given, "parse_mode")
    return {name: without_markup(get(given, name), mode, bot.parse_mode) for name in _TEXTS}


def _file(kind: str | None, content: object) -> dict[str, Any]:
    file = {"file_id": None if "://" in (word(content) or "") else word(content)}
    return {} if kind is None else {kind: [file] if kind == "photo" else file}


def _chat(chat_id: int, context: UpdateContext | None) -> dict[str, Any]:
    if context is not None and context.chat is not None and context.chat.id == chat_id:
        return {"id": chat_id, "type": context.chat.type}
    return {"id": chat_id, "type": "private" if chat_id > 0 else None}
