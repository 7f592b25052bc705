"""The state of the simulated Telegram: the bot, chats, updates, files, payments and ordered faults."""

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from stack.simulators.telegram.business import BusinessConnection
from stack.simulators.telegram.chats import Chat, Newest
from stack.simulators.telegram.faults import Faults
from stack.simulators.telegram.files import FileStore
from stack.simulators.telegram.inline_messages import InlineMessages
from stack.simulators.telegram.markup import callback_buttons, inline_buttons
from stack.simulators.telegram.payments import Payments
from stack.simulators.telegram.polls import Polls
from stack.simulators.telegram.record import ChatRecord, Side
from stack.simulators.telegram.updates import UpdateQueue
from stack.simulators.telegram.webhook import Webhook
from stack.simulators.telegram.wire import ApiError, Json, Params, bad_request

KEPT_QUERIES = 5000


class State:
    """The state that the methods share. One bot, any number of private chats; ids count up as in the real service."""

    def __init__(
        self,
        token: str,
        *,
        username: str,
        name: str,
        call: Callable[[str, Params], Awaitable[object]],
        clock: Callable[[], float] = time.time,
        keeps_record: bool = False,
    ) -> None:
        self._clock = clock
        self._keeps_record = keeps_record
        self.bot: Json = {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": name, "username": username}
        self.faults = Faults()
        self.updates = UpdateQueue(first_id=100_000_001, clock=clock)
        self.webhook = Webhook(self.updates, call, clock)
        self.files = FileStore()
        self.payments = Payments(clock)
        self.polls = Polls()
        self.inline = InlineMessages()
        self.chats: dict[int, Chat] = {}
        self.business: dict[str, BusinessConnection] = {}
        self.queries: Newest[str, Chat] = Newest(KEPT_QUERIES)
        """Chats of the presses that the bot has not answered yet, by the query's id."""
        self.profile: dict[tuple[str, str], object] = {}
        self._last_message_id = self._last_album = 0

    def now(self) -> int:
        """Return the time in whole Unix seconds, as in the wire format."""
        return int(self._clock())

    def message_id(self) -> int:
        """Return the next message id; a bot counts the messages of all its private chats together."""
        self._last_message_id += 1
        return self._last_message_id

    def album_id(self) -> str:
        """Return the id of a new album."""
        self._last_album += 1
        return str(13_000_000_000_000_000 + self._last_album)

    def wake_all(self) -> None:
        """Wake everyone who waits, whatever the chat: what happened is in none."""
        for chat in self.chats.values():
            chat.wake()

    def new_record(self) -> ChatRecord | None:
        """Return a record for a new chat, if records are kept."""
        return ChatRecord() if self._keeps_record else None

    def chat(self, params: Params, name: str = "chat_id") -> Chat:
        """Return the chat that a call names, of a business account if it names a connection. Raises the server's 400s."""
        if params.text(name) is None:
            raise bad_request(f"{name} is empty")
        number = params.integer(name) or 0
        connection_id = params.text("business_connection_id")
        if connection_id is None:
            chat = self.chats.get(number)
        elif connection_id in self.business:
            chat = self.business[connection_id].chats.get(number)
        else:
            raise bad_request("business connection not found")
        if chat is None:
            raise bad_request("chat not found")
        return chat

    def writable_chat(self, params: Params) -> Chat:
        """Return the chat to send to. Raises also when the person blocked the bot or never wrote to it."""
        chat = self.chat(params)
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if not chat.started:
            raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        return chat

    def message(self, params: Params, action: str, chat_name: str = "chat_id") -> tuple[Chat, Json]:
        """Return the message that a call names. `action` is the server's word for what is done: edit, delete, copy."""
        chat = self.chat(params, chat_name)
        message_id = params.integer("message_id")
        if message_id is None:
            raise bad_request("message identifier is not specified")
        message = chat.messages.get(message_id)
        if message is None:
            raise bad_request(f"message {action} not found")
        return chat, message

    def own_message(self, params: Params) -> tuple[Chat, Json]:
        """Return the bot's message that a call edits."""
        chat, message = self.message(params, "to edit")
        if self.bot["id"] not in (message["from"]["id"], message.get("sender_business_bot", {}).get("id")):
            raise bad_request("message can't be edited")
        return chat, message

    def from_bot(self, chat: Chat, content: Json) -> Json:
        """Post a message of the bot."""
        message = self._post(chat, chat.bot_sender or self.bot, content, "bot")
        chat.drafts.clear()
        chat.show(message)
        return message

    def from_person(self, chat: Chat, content: Json, sender: Json | None = None) -> Json:
        """Post a message of the person, or of another sender in a group, and queue its update."""
        chat.started = True
        message = self._post(chat, sender or chat.user, content, "person")
        self.updates.put(chat.update_kind, message)
        return message

    def service_message(self, chat: Chat, content: Json) -> None:
        """Post a note of what happened and queue its update: it is from the bot, which did not write it."""
        self.updates.put("message", self._post(chat, self.bot, content, "bot"))
        chat.wake()

    def edit(self, chat: Chat, changed: Json) -> None:
        """Replace a message of either side by what it is now."""
        changed["edit_date"] = self.now()
        chat.messages[changed["message_id"]] = changed
        if chat.record is not None:
            chat.record.edited(changed)

    def delete(self, chat: Chat, message_id: int) -> None:
        """Remove a message from the chat, of both sides."""
        del chat.messages[message_id]
        if chat.record is not None:
            chat.record.deleted(message_id)
        chat.wake()

    def _post(self, chat: Chat, sender: Json, content: Json, side: Side) -> Json:
        message_id = content.pop("message_id", None)
        if message_id is None:
            message_id = self.message_id()
        message = {"message_id": message_id, "from": sender, "chat": chat.as_json, "date": self.now()}
        message |= chat.message_fields | (chat.bot_fields if side == "bot" else {}) | content
        if message_id:  # an ephemeral message has none, and is no part of the chat's history
            chat.messages[message_id] = message
        if chat.record is not None:
            chat.record.posted(side, message)
        return message

    def press(self, chat: Chat, message: Json, data: str, sender: Json | None = None) -> str:
        """Queue the callback query of a pressed button. Returns the query's id."""
        if data not in callback_buttons(message.get("reply_markup")):
            raise ValueError(f"message {message['message_id']} has no button with the data {data!r}")
        query_id = str(secrets.randbits(62))
        self.queries[query_id] = chat
        if chat.record is not None:
            label = next(
                one["text"] for one in inline_buttons(message["reply_markup"]) if one.get("callback_data") == data
            )
            chat.record.pressed((sender or chat.user)["id"], message["message_id"], label)
        query = {
            "id": query_id,
            "from": sender or chat.user,
            "message": message,
            "chat_instance": str(chat.id * 7919),
            "data": data,
        }
        self.updates.put("callback_query", query)
        return query_id

    def set_blocked(self, chat: Chat, blocked: bool) -> None:
        """Let the person block or unblock the bot, and queue the update."""
        if chat.blocked == blocked:
            return
        chat.blocked = blocked
        # The server adds until_date (0: for ever) to a ban.
        member, kicked = {"user": self.bot, "status": "member"}, {"user": self.bot, "status": "kicked", "until_date": 0}
        old, new = (member, kicked) if blocked else (kicked, member)
        change = {"chat": chat.as_json, "from": chat.user, "date": self.now()}
        self.updates.put("my_chat_member", {**change, "old_chat_member": old, "new_chat_member": new})


Method = Callable[[State, Params], Awaitable[Any]]
Function = TypeVar("Function", bound=Method)
METHODS: dict[str, Method] = {}
"""The methods of the Bot API by their names in lower case, as it compares them."""


def method(function: Function) -> Function:
    """Register a function as the method of its name: `send_message` is `sendMessage`."""
    METHODS[function.__name__.replace("_", "")] = function
    return function
