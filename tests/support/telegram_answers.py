"""Updates as Telegram sends them, and its answers to calls, for tests without a server."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

ANN = {"id": 1001, "is_bot": False, "first_name": "Ann", "username": "ann"}
BOB = {"id": 1002, "is_bot": False, "first_name": "Bob"}
BLOCKED = "Forbidden: bot was blocked by the user"

_numbers = itertools.count(100)


def said(text: str, person: dict[str, Any] = ANN, **more: Any) -> dict[str, Any]:
    """Return the update of a person's message."""
    message = {"message_id": next(_numbers), "date": _now(), "chat": home(person), "from": person, "text": text, **more}
    return {"update_id": next(_numbers), "message": message}


def home(person: dict[str, Any]) -> dict[str, Any]:
    """Return a person's private chat."""
    return {"id": person["id"], "type": "private", "first_name": person["first_name"]}


def answer(method: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON that Telegram answers a call with. Whoever has the id 1003 has blocked the bot."""
    if method == "getMe":
        return {"ok": True, "result": {"id": 42, "is_bot": True, "first_name": "b", "username": "my_bot"}}
    chat_id = int(given.get("chat_id", 0))
    if chat_id == 1003:
        return {"ok": False, "error_code": 403, "description": BLOCKED}
    if method == "copyMessage":
        return {"ok": True, "result": {"message_id": next(_numbers)}}
    if not method.startswith(("send", "edit")):
        return {"ok": True, "result": True}
    number = int(given.get("message_id") or next(_numbers))
    message: dict[str, Any] = {"message_id": number, "date": _now(), "chat": home({**ANN, "id": chat_id})}
    if method == "sendMediaGroup":
        media = given["media"] if isinstance(given["media"], list) else json.loads(given["media"])
        photo = [{"file_id": "p", "file_unique_id": "u", "width": 9, "height": 9}]
        return {"ok": True, "result": [{**message, "photo": photo, "caption": one.get("caption")} for one in media]}
    return {"ok": True, "result": {**message, "text": given.get("text", "")}}


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
