"""A message as Telegram would return it, made of the parameters of a call whose result is never seen."""

import re
from functools import cache
from typing import Any

from chattrail.botapi.people import given_place
from chattrail.botapi.reading import get, number, word
from chattrail.context import UpdateContext

_BY_PARAMETERS = frozenset({"venue", "location", "contact", "dice", "poll"})  # each is a parameter of the call


def message_of(method: str, given: object, context: UpdateContext | None) -> dict[str, Any] | None:
    """Return the message, with its markup and without a number; None for a call that sends none to a chat known by number."""
    chat_id = number(get(given, "chat_id"))
    if chat_id is None or not method.startswith("send"):
        return None
    kind = _kind_of(method)
    message: dict[str, Any] = {"message_id": 0, "chat": _chat(chat_id, context), **given_place(given)}
    for name in ("text", "entities", "caption", "caption_entities", "rich_message", "checklist"):
        message[name] = get(given, name)
    content = get(given, kind)
    if kind in _BY_PARAMETERS:
        message[kind] = given
    elif content is not None and kind not in message:
        file = {"file_id": None if "://" in (word(content) or "") else word(content)}
        message[kind] = [file] if kind == "photo" else file
    return message


@cache
def _kind_of(method: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.removeprefix("send")).lower()


def _chat(chat_id: int, context: UpdateContext | None) -> dict[str, Any]:
    if context is not None and context.chat is not None and context.chat.id == chat_id:
        return {"id": chat_id, "type": context.chat.type}
    return {"id": chat_id, "type": "private" if chat_id > 0 else None}
