"""Everything the simulated Telegram knows: the bot, the chats, updates, files, payments, and the faults to come."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from stack.simulators.telegram.chats import Chat
from stack.simulators.telegram.entities import utf16_length
from stack.simulators.telegram.faults import Faults
from stack.simulators.telegram.files import FileStore
from stack.simulators.telegram.markup import callback_buttons
from stack.simulators.telegram.payments import Payments
from stack.simulators.telegram.updates import UpdateQueue
from stack.simulators.telegram.webhook import Webhook
from stack.simulators.telegram.wire import ApiError, Json, Params, bad_request

KEPT_QUERIES = 5000


@dataclass(frozen=True, slots=True)
class CallbackQuery:
    """A press that the bot has not answered yet."""

    id: str
    chat: Chat


class World:
    """The state behind the methods. One bot, any number of private chats; ids count up as in the real service."""

    def __init__(
        self,
        token: str,
        *,
        username: str,
        name: str,
        call: Callable[[str, Params], Awaitable[object]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.token = token
        self.clock = clock
        self.bot: Json = {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": name, "username": username}
        self.faults = Faults()
        self.updates = UpdateQueue(first_id=100_000_001, clock=clock)
        self.webhook = Webhook(self.updates, call, clock)
        self.files = FileStore()
        self.payments = Payments(clock)
        self.chats: dict[int, Chat] = {}
        self.queries: OrderedDict[str, CallbackQuery] = OrderedDict()
        self.profile: dict[tuple[str, str], object] = {}
        self._last_message_id = 0

    def now(self) -> int:
        """Return the time as the wire has it: whole Unix seconds."""
        return int(self.clock())

    def message_id(self) -> int:
        """Return the next message id; a bot account counts one row for all its private chats."""
        self._last_message_id += 1
        return self._last_message_id

    def chat(self, params: Params, name: str = "chat_id") -> Chat:
        """Return the chat that a call means. Raises the 400s and 403s of the real server."""
        if params.text(name) is None:
            raise bad_request(f"{name} is empty")
        chat = self.chats.get(params.integer(name) or 0)
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

    def own_message(self, params: Params, doing: str) -> tuple[Chat, Json]:
        """Return the bot's message that a call wants to change. `doing` is the server's word for it: edit, delete."""
        chat = self.chat(params)
        message_id = params.integer("message_id")
        if message_id is None:
            raise bad_request("message identifier is not specified")
        message = chat.messages.get(message_id)
        if message is None:
            raise bad_request(f"message to {doing} not found")
        if doing == "edit" and message["from"]["id"] != self.bot["id"]:
            raise bad_request("message can't be edited")
        return chat, message

    def from_bot(self, chat: Chat, content: Json) -> Json:
        """Post a message of the bot."""
        message = {
            "message_id": self.message_id(),
            "from": self.bot,
            "chat": chat.as_json,
            "date": self.now(),
            **content,
        }
        chat.keep(message, from_bot=True)
        return message

    def from_person(self, chat: Chat, content: Json) -> Json:
        """Post a message of the person and queue its update."""
        chat.started = True
        message = {
            "message_id": self.message_id(),
            "from": chat.user,
            "chat": chat.as_json,
            "date": self.now(),
            **content,
        }
        chat.keep(message, from_bot=False)
        self.updates.put("message", message)
        return message

    def press(self, chat: Chat, message: Json, data: str) -> str:
        """Queue the callback query of a pressed button. Returns the query's id."""
        if data not in callback_buttons(message.get("reply_markup")):
            raise ValueError(f"message {message['message_id']} has no button with the data {data!r}")
        query = CallbackQuery(str(secrets.randbits(62)), chat)
        self.queries[query.id] = query
        while len(self.queries) > KEPT_QUERIES:
            self.queries.popitem(last=False)
        self.updates.put(
            "callback_query",
            {"id": query.id, "from": chat.user, "message": message, "chat_instance": str(chat.id * 7919), "data": data},
        )
        return query.id

    def set_blocked(self, chat: Chat, blocked: bool) -> None:
        """Let the person block or unblock the bot, and tell the bot."""
        if chat.blocked == blocked:
            return
        states = ("member", "kicked") if blocked else ("kicked", "member")
        chat.blocked = blocked
        # The server adds until_date (0: for ever) to a ban.
        old, new = (
            {"user": self.bot, "status": status, **({"until_date": 0} if status == "kicked" else {})}
            for status in states
        )
        self.updates.put(
            "my_chat_member",
            {
                "chat": chat.as_json,
                "from": chat.user,
                "date": self.now(),
                "old_chat_member": old,
                "new_chat_member": new,
            },
        )


def check_length(text: str, longest: int, complaint: str) -> None:
    """Raise the server's 400 when a text is longer than Telegram allows."""
    if utf16_length(text) > longest:
        raise bad_request(complaint)
