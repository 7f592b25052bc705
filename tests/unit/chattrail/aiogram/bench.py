"""A bot with the instrumentation on a wire that answers as Telegram would, and what it recorded."""

import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.client.session.base import BaseSession
from aiogram.methods import TelegramMethod
from aiogram.types import Update

from chattrail.aiogram import instrument
from tests.support.recording import Recording

ANN = {"id": 1001, "is_bot": False, "first_name": "Ann", "username": "ann", "language_code": "en"}
HOME = {"id": 1001, "type": "private", "first_name": "Ann", "username": "ann"}
BOB_HOME = {"id": 1002, "type": "private", "first_name": "Bob"}
GROUP = {"id": -100, "type": "supergroup", "title": "Friends"}
CHANNEL = {"id": -200, "type": "channel", "title": "News"}
CHATS = {chat["id"]: chat for chat in (HOME, BOB_HOME, GROUP, CHANNEL)}


POLL = {"id": "77", "question": "Colour?", "total_voter_count": 0, "is_anonymous": False, "type": "regular",
        "allows_multiple_answers": False, "allows_revoting": True, "members_only": False, "is_closed": False,
        "options": [{"text": text, "voter_count": 0, "persistent_id": text} for text in ("Red", "Green", "Blue")],
        "correct_option_id": 1}  # fmt: skip


def home(person: int) -> dict[str, Any]:
    """Return the private chat of any person."""
    return {"id": person, "type": "private", "first_name": "P"}


def sizes(name: str) -> list[dict[str, Any]]:
    return [
        {"file_id": f"{name}-{side}", "file_unique_id": f"u-{name}-{side}", "width": side, "height": side}
        for side in (90, 800, 320)
    ]


class Wire(BaseSession):
    """Answers calls with the Bot API's JSON, as the simulated Telegram does for private chats; groups too."""

    def __init__(self) -> None:
        super().__init__()
        self.message_id = 100
        self.broken = False
        self.asked = 0
        self.contents: dict[str, dict[str, Any]] = {}  # of what the bot sends by a method

    async def close(self) -> None:
        pass

    async def stream_content(self, *args: Any, **kwargs: Any) -> AsyncGenerator[bytes, None]:
        yield b""

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[Any],
        timeout: int | None = None,  # noqa: ASYNC109 - aiogram's signature
    ) -> Any:
        answer = {"ok": True, "result": self.result(method)}
        if self.broken:
            answer = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}
        status = 200 if answer["ok"] else 403
        return self.check_response(bot, method, status, json.dumps(answer)).result

    def result(self, method: TelegramMethod[Any]) -> Any:
        name, given = type(method).__name__, method.model_dump(exclude_none=True, warnings=False)
        if name == "GetMe":
            self.asked += 1
            return {"id": 42, "is_bot": True, "first_name": "b", "username": "my_bot"}
        if type(method).__returning__ is bool or "inline_message_id" in given:
            return True
        if type(method).__returning__ is str:
            return "https://t.me/$link"
        if name in ("CopyMessage", "CopyMessages", "ForwardMessages"):
            copies = [{"message_id": self.message(given)["message_id"]} for _ in given.get("message_ids", [0])]
            return copies[0] if name == "CopyMessage" else copies
        if name == "SendMediaGroup":
            album = {"media_group_id": "a1"}
            return [
                self.message(given, photo=sizes(f"p{n}"), **album, **_caption(m)) for n, m in enumerate(given["media"])
            ]
        if name in ("SendPhoto", "EditMessageMedia"):
            return self.message(given, photo=sizes("p"), **_caption(given))
        if name == "SendDocument":
            document = {"file_id": "d", "file_unique_id": "u-d", "mime_type": "image/png"}
            return self.message(given, document=document, **_caption(given))
        if name == "SendInvoice":
            invoice = {"title": "t", "description": "d", "start_parameter": "", "currency": "XTR", "total_amount": 1}
            return self.message(given, invoice=invoice)
        if name in ("SendPoll", "StopPoll"):
            poll = POLL | {"is_closed": name == "StopPoll", "type": given.get("type", "regular")}
            return poll if name == "StopPoll" else self.message(given, poll=poll)
        if name in self.contents:
            return self.message(given, **self.contents[name], **_caption(given))
        return self.message(given, text=given.get("text", ""))

    def message(self, given: dict[str, Any], **content: Any) -> dict[str, Any]:
        if "message_id" not in given or "from_chat_id" in given:
            self.message_id += 1
        number = self.message_id if "from_chat_id" in given else given.get("message_id", self.message_id)
        chat = CHATS.get(given["chat_id"]) or home(given["chat_id"])
        return {"message_id": number, "date": int(datetime.now(UTC).timestamp()), "chat": chat, **content}


def _caption(given: dict[str, Any]) -> dict[str, Any]:
    return {"caption": given["caption"]} if given.get("caption") else {}


class Bench(Recording):
    """A bot on the wire with a dispatcher, both instrumented, and what was recorded of them."""

    def __init__(self, *, webhook_replies: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.wire = Wire()
        self.bot = Bot("42:TEST", session=self.wire)
        self.router = Router()
        self.dispatcher = Dispatcher()
        self.dispatcher.include_router(self.router)
        instrument(self.dispatcher, self.bot, self.tracker, webhook_replies=webhook_replies)
        self.tracker.bot(42).username = "my_bot"  # as polling has it before the first update
        self.update_id = 0

    def parsed(self, **update: Any) -> Update:
        self.update_id += 1
        return Update.model_validate({"update_id": self.update_id, **update}, context={"bot": self.bot})

    async def feed(self, **update: Any) -> Any:
        return await self.dispatcher.feed_update(self.bot, self.parsed(**update))

    async def say(self, text: str, chat: dict[str, Any] = HOME, **extra: Any) -> Any:
        return await self.feed(message=message(text=text, chat=chat, **extra))

    def on_message(self, handler: Callable[..., Any]) -> None:
        self.router.message.register(handler)


def message(**fields: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    return {"message_id": 7, "date": now, "chat": HOME, "from": ANN, **fields}
